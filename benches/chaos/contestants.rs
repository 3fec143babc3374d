//! Who lends the backend's connections: the same size, timeouts and driver for each, and beside that the best that its
//! documentation offers for a backend like this one.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use scheduled_thread_pool::ScheduledThreadPool;
use slackwater::{BreakerConfig, Builder, CheckoutError, CoDel, Manager, Pool};

use crate::backend::{Backend, CONNECT_TIMEOUT, Connection, Fault, READ_TIMEOUT};

/// The names the figures are looked up by at the end.
pub const OURS: &str = "slackwater";
pub const WITH_CODEL: &str = "slackwater, codel";
pub const R2D2: &str = "r2d2";
pub const UNTESTED: &str = "r2d2, untested";

/// How often ours looks at each connection that is free.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// How long its breaker stays open, at first and at the most: callers that wait a quarter of a second have no use for its
/// default of a second and more.
const OPEN_AT_FIRST: Duration = Duration::from_millis(100);
const OPEN_AT_MOST: Duration = Duration::from_millis(250);

/// What a pool for this bench is to be like.
#[derive(Clone, Copy)]
pub struct Terms {
    pub size: usize,
    /// How long the callers wait.
    pub patience: Duration,
}

/// A checkout that gave nothing.
pub struct Refusal {
    /// The deadline had come.
    pub timed_out: bool,
    /// When the pool says that trying again makes sense.
    pub retry_after: Option<Duration>,
}

/// A pool, from the side of its callers.
pub trait Lender: Send + Sync {
    /// Lends a connection to `used`, waiting so long for one, and takes it back.
    fn lend(&self, patience: Duration, used: &mut dyn FnMut(&mut Connection)) -> Result<(), Refusal>;

    /// Ends it, and says what does not add up.
    fn end(self: Box<Self>) -> Vec<String>;
}

/// A name, and how a pool of that kind is built.
#[derive(Clone, Copy)]
pub struct Contestant {
    pub name: &'static str,
    pub build: fn(&Arc<Backend>, Terms) -> Box<dyn Lender>,
}

const SLACKWATER: Contestant =
    Contestant { name: OURS, build: |backend, terms| slackwater(settings(backend, terms).breaker(breaker())) };
const NO_BREAKER: Contestant = Contestant {
    name: "slackwater, no breaker",
    build: |backend, terms| slackwater(settings(backend, terms).breaker(None)),
};
const CODEL: Contestant = Contestant {
    name: WITH_CODEL,
    build: |backend, terms| slackwater(settings(backend, terms).breaker(breaker()).codel(CoDel::default())),
};
const UNSERVABLE: Contestant = Contestant {
    name: "slackwater, refuse_unservable",
    build: |backend, terms| slackwater(settings(backend, terms).breaker(breaker()).refuse_unservable(true)),
};
const TESTED: Contestant = Contestant { name: R2D2, build: |backend, terms| r2d2(backend, terms, true) };
const NOT_TESTED: Contestant = Contestant { name: UNTESTED, build: |backend, terms| r2d2(backend, terms, false) };

/// Who takes part in what. While a backend refuses or has its hands full, a test on checkout tells nothing, or takes half of
/// what there is: r2d2 goes without.
pub const IN_PLAN: [Contestant; 3] = [SLACKWATER, TESTED, NOT_TESTED];
pub const IN_DOWN: [Contestant; 3] = [SLACKWATER, NO_BREAKER, NOT_TESTED];
pub const IN_OVERLOAD: [Contestant; 4] = [SLACKWATER, CODEL, UNSERVABLE, NOT_TESTED];

/// What each is set to, for the reader of the figures.
pub const SETTINGS: &str = "\
slackwater: checks each free connection every 250 ms, replaces it after one failure; breaker open for 100 ms, then 200, then 250
r2d2: tests on checkout (its default); a thread per connection; its pause after a failed connect half the callers' patience
r2d2, untested: the same without the test on checkout
all: 8 connections, 8 opened at once; a connection whose request failed says so at its return and is closed";

/// Connects, for both.
struct Connecting(Arc<Backend>);

impl Manager for Connecting {
    type Resource = Connection;
    type Error = Fault;

    fn create(&self) -> Result<Connection, Fault> {
        self.0.connect()
    }

    fn check(&self, connection: &mut Connection) -> Result<(), Fault> {
        connection.ping()
    }

    fn is_broken(&self, connection: &mut Connection) -> bool {
        connection.has_failed()
    }
}

impl r2d2::ManageConnection for Connecting {
    type Connection = Connection;
    type Error = Fault;

    fn connect(&self) -> Result<Connection, Fault> {
        self.0.connect()
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), Fault> {
        connection.ping()
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.has_failed()
    }
}

/// What a user of this backend sets; the rest is as it comes.
fn settings(backend: &Arc<Backend>, terms: Terms) -> Builder<Connecting> {
    Pool::builder(Connecting(Arc::clone(backend)))
        .name("chaos")
        .max_size(terms.size)
        .checkout_timeout(terms.patience)
        .create_parallelism(terms.size)
        .create_timeout(CONNECT_TIMEOUT)
        .check_timeout(READ_TIMEOUT)
        .check_interval(CHECK_INTERVAL)
        .remove_after(1)
}

fn breaker() -> BreakerConfig {
    BreakerConfig::new().open_for_at_first(OPEN_AT_FIRST).open_for(OPEN_AT_MOST)
}

fn slackwater(builder: Builder<Connecting>) -> Box<dyn Lender> {
    Box::new(Slackwater(builder.build().expect("the backend is up")))
}

struct Slackwater(Pool<Connecting>);

impl Lender for Slackwater {
    fn lend(&self, patience: Duration, used: &mut dyn FnMut(&mut Connection)) -> Result<(), Refusal> {
        match self.0.checkout_timeout(patience) {
            Ok(mut connection) => used(&mut connection),
            Err(error) => {
                let timed_out = matches!(error, CheckoutError::Timeout(_));
                return Err(Refusal { timed_out, retry_after: error.retry_after() });
            }
        }
        Ok(())
    }

    fn end(self: Box<Self>) -> Vec<String> {
        let report = self.0.close(2 * CONNECT_TIMEOUT);
        let mut mistakes = self.0.audit().findings();
        let stats = self.0.stats();
        if stats.created != stats.destroyed.total() + stats.detached {
            mistakes.push(format!("{} created, {} destroyed: {report}", stats.created, stats.destroyed.total()));
        }
        mistakes
    }
}

fn r2d2(backend: &Arc<Backend>, terms: Terms, tested: bool) -> Box<dyn Lender> {
    let threads = ScheduledThreadPool::builder().num_threads(terms.size).thread_name_pattern("r2d2-{}").build();
    let pool = r2d2::Pool::builder()
        .max_size(terms.size as u32)
        // It pauses for half of this after a failed connect.
        .connection_timeout(terms.patience)
        .test_on_check_out(tested)
        .thread_pool(Arc::new(threads))
        .max_lifetime(None)
        .idle_timeout(None)
        .error_handler(Box::new(r2d2::NopErrorHandler));
    // `build` would wait no longer than a caller does.
    let pool = pool.build_unchecked(Connecting(Arc::clone(backend)));
    while backend.living() < terms.size {
        thread::sleep(Duration::from_millis(1));
    }
    Box::new(Peer(pool))
}

struct Peer(r2d2::Pool<Connecting>);

impl Lender for Peer {
    fn lend(&self, patience: Duration, used: &mut dyn FnMut(&mut Connection)) -> Result<(), Refusal> {
        // It knows one error, and gives no hint.
        let connection = self.0.get_timeout(patience);
        used(&mut *connection.map_err(|_| Refusal { timed_out: true, retry_after: None })?);
        Ok(())
    }

    fn end(self: Box<Self>) -> Vec<String> {
        Vec::new()
    }
}
