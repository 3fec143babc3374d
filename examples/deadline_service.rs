//! A service answers within its deadline whatever its backend does: up, down, and up again.
//! Run: cargo run --example deadline_service
//!
//! The backend dies in the middle. Requests keep their deadline and learn the cause; the pool goes on trying behind their
//! backs, and the service is whole again without anyone restarting it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{CheckoutError, Creation, Manager, Pool};

const DEADLINE: Duration = Duration::from_millis(20);

/// What is at the other end: a switch, in place of a database.
#[derive(Clone, Default)]
struct Backend(Arc<AtomicBool>);

#[derive(Debug)]
struct ConnectionRefused;

impl fmt::Display for ConnectionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection refused")
    }
}

impl Error for ConnectionRefused {}

struct Connection(Backend);

impl Connection {
    fn ask(&mut self, question: u32) -> Result<u32, ConnectionRefused> {
        if self.0.is_up() { Ok(question * 2) } else { Err(ConnectionRefused) }
    }
}

impl Backend {
    fn is_up(&self) -> bool {
        self.0.load(SeqCst)
    }
}

impl Manager for Backend {
    type Resource = Connection;
    type Error = ConnectionRefused;

    fn create(&self) -> Result<Connection, ConnectionRefused> {
        if self.is_up() { Ok(Connection(self.clone())) } else { Err(ConnectionRefused) }
    }
}

enum Reply {
    Answer,
    /// Try later: nothing is wrong but the load.
    Busy,
    /// The backend's fault, and what it said.
    Down(String),
}

fn serve(pool: &Pool<Backend>, question: u32) -> Reply {
    match pool.checkout_deadline(Instant::now() + DEADLINE) {
        Ok(mut connection) => match connection.ask(question) {
            Ok(_) => Reply::Answer,
            Err(error) => {
                let reply = Reply::Down(error.to_string());
                connection.discard(error); // Not given back: its slot is free for a new one.
                reply
            }
        },
        // The manager's own error, if that is why nothing came, is the source of the pool's.
        Err(error) => match (&error, error.source()) {
            (CheckoutError::Timeout(_) | CheckoutError::Saturated(_), None) => Reply::Busy,
            (_, Some(cause)) => Reply::Down(cause.to_string()),
            (_, None) => Reply::Down(error.to_string()),
        },
    }
}

/// Serves from eight threads and prints what came of it.
fn phase(name: &str, pool: &Pool<Backend>) {
    let mut replies: Vec<(Reply, Duration)> = Vec::new();
    thread::scope(|scope| {
        let service = |_| {
            let mut mine = Vec::new();
            for question in 0..10 {
                let asked = Instant::now();
                let reply = serve(pool, question);
                mine.push((reply, asked.elapsed()));
            }
            mine
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || service(thread))).collect();
        replies.extend(threads.into_iter().flat_map(|thread| thread.join().expect("no reply panics")));
    });
    let answers = replies.iter().filter(|(reply, _)| matches!(reply, Reply::Answer)).count();
    let busy = replies.iter().filter(|(reply, _)| matches!(reply, Reply::Busy)).count();
    let why =
        replies.iter().find_map(|(reply, _)| if let Reply::Down(why) = reply { Some(why.as_str()) } else { None });
    let slowest = replies.iter().map(|(_, took)| *took).max().unwrap_or_default();
    let (down, why) = (replies.len() - answers - busy, why.map_or(String::new(), |why| format!(" ({why})")));
    println!("{name:<14} {answers:>3} answers, {busy} busy, {down:>3} down{why}; the slowest took {slowest:.1?}");
}

fn main() -> Result<(), Box<dyn Error>> {
    let backend = Backend::default();
    backend.0.store(true, SeqCst);
    let pool = Pool::builder(backend.clone())
        .name("backend")
        .max_size(4)
        .max_waiters(100) // More than that is refused at once: a queue nobody can serve helps nobody.
        .creation(Creation::Background) // Connecting can hang; it must not hang a request.
        .build()?;

    phase("backend up:", &pool);
    backend.0.store(false, SeqCst);
    phase("backend down:", &pool);
    backend.0.store(true, SeqCst);

    let since = Instant::now();
    while !matches!(serve(&pool, 0), Reply::Answer) {}
    println!("first answer {:.1?} after the backend came back", since.elapsed());
    phase("backend up:", &pool);
    println!("{}", pool.close(DEADLINE));
    Ok(())
}
