//! Pages being extracted by a pool's extractors, for as long as it is watched.

use slackwater::extract::{CssExtractor, CssManager, Extractor, Recipe, Values, decode};
use slackwater::http::{Server, ServerHandle};
use slackwater::{BreakerConfig, Manager, Pool};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

/// As many as can be told apart at a glance.
pub const EXTRACTORS: usize = 4;

/// Makes CSS extractors until it is told that it cannot.
struct Extractors {
    inner: CssManager,
    is_down: AtomicBool,
}

impl Manager for Extractors {
    type Resource = CssExtractor;
    type Error = String;

    fn create(&self) -> Result<CssExtractor, String> {
        if self.is_down.load(SeqCst) {
            return Err("no route to the <b>backend</b>".to_owned());
        }
        self.inner.create().map_err(|error| error.to_string())
    }
}

pub struct Extraction {
    pub server: ServerHandle,
    pool: Pool<Extractors>,
    over: Arc<AtomicBool>,
    to_discard: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Extraction {
    /// Two threads go through the bundled pages, over and over.
    pub fn begin() -> Extraction {
        let mut recipe = Recipe::new();
        for field in ["title=title", "headings=h1, h2, h3", "links=a@href", "code=pre > code"] {
            recipe.css(field).unwrap();
        }
        let manager = Extractors { inner: recipe.css_manager().unwrap(), is_down: AtomicBool::new(false) };
        let pool = Pool::builder(manager).name("extractors").max_size(EXTRACTORS);
        let pool = pool.breaker(BreakerConfig::new().failure_threshold(2)).build().unwrap();
        let server = Server::bind("127.0.0.1:0").unwrap().pool(&pool).start().unwrap();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pages");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
        let pages: Arc<[Vec<u8>]> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!pages.is_empty());
        let (over, to_discard) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let work = |number: usize| {
            let (pool, pages, over, to_discard) = (pool.clone(), pages.clone(), over.clone(), to_discard.clone());
            let work = move || {
                for page in pages.iter().cycle().take_while(|_| !over.load(SeqCst)) {
                    let Ok(mut extractor) = pool.checkout() else { continue };
                    let mut values = Values::new(4);
                    extractor.extract(&decode(page).text, &mut values);
                    if to_discard.try_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
                        extractor.discard("the test says so");
                    }
                }
            };
            thread::Builder::new().name(format!("extract-{number}")).spawn(work).unwrap()
        };
        let threads = (0..2).map(work).collect();
        Extraction { server, pool, over, to_discard, threads }
    }

    /// The next that is done with a page is thrown away.
    pub fn discard_one(&self) {
        self.to_discard.fetch_add(1, SeqCst);
    }

    /// None can be made any more, and those there are go one by one.
    pub fn goes_down(&self) {
        self.pool.manager().is_down.store(true, SeqCst);
        self.to_discard.fetch_add(EXTRACTORS, SeqCst);
    }

    pub fn end(&self) {
        self.over.store(true, SeqCst);
        crate::support::closes_balanced(&self.pool);
    }
}

impl Drop for Extraction {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
