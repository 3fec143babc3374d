//! Who runs the jobs: the same number of threads behind four doors.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Sender, unbounded};
use slackwater::Workers;

/// Threads that run what is submitted, in any order. A clone is another handle to the same threads; they end with the last one.
pub trait Lane: Clone + Send + Sync + 'static {
    /// Hands a job over. Nobody waits for it.
    fn submit(&self, job: impl FnOnce() + Send + 'static);
}

/// Ours: each thread owns a number, and a job is one use of it. Nobody waits for it, as with the peers.
#[derive(Clone)]
pub struct Ours(Workers<Make>);

type Make = fn() -> Result<u64, String>;

impl Ours {
    /// With so many threads. The queue takes a whole tree: a job that submits waits for room that only its own thread could make.
    pub fn with(threads: usize) -> Self {
        let make: Make = || Ok(0);
        let workers = Workers::builder(make).queue(1 << 16).pool(move |pool| pool.max_size(threads).name("bench"));
        Self(workers.build().expect("numbers can be made"))
    }
}

impl Lane for Ours {
    #[inline]
    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn(|_| job()).expect("the queue takes them, and nobody closes");
    }
}

/// The same with tickets that are dropped: what the claim to an answer costs.
#[derive(Clone)]
pub struct Tickets(pub Ours);

impl Lane for Tickets {
    #[inline]
    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.0.0.submit(|_| job()).expect("the queue takes them, and nobody closes"));
    }
}

/// rayon's `spawn`, on a pool of its own.
#[derive(Clone)]
pub struct Rayon(pub Arc<rayon::ThreadPool>);

impl Rayon {
    /// With so many threads.
    pub fn with(threads: usize) -> Self {
        Self(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("there are threads")))
    }
}

impl Lane for Rayon {
    #[inline]
    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn(job);
    }
}

/// The crate `threadpool`.
#[derive(Clone)]
pub struct Threadpool(threadpool::ThreadPool);

impl Threadpool {
    /// With so many threads.
    pub fn with(threads: usize) -> Self {
        Self(threadpool::ThreadPool::new(threads))
    }
}

impl Lane for Threadpool {
    #[inline]
    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.execute(job);
    }
}

/// What one writes without any of these: boxed jobs in a channel of crossbeam's, and threads that receive. Unbounded, which
/// is the faster one.
#[derive(Clone)]
pub struct Channel(Sender<Box<dyn FnOnce() + Send>>);

impl Channel {
    /// With so many threads.
    pub fn with(threads: usize) -> Self {
        let (sender, receiver) = unbounded::<Box<dyn FnOnce() + Send>>();
        for _ in 0..threads {
            let receiver = receiver.clone();
            thread::spawn(move || receiver.iter().for_each(|job| job()));
        }
        Self(sender)
    }
}

impl Lane for Channel {
    #[inline]
    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("its threads receive until the last sender is gone");
    }
}
