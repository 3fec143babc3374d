//! A busy program with three pools to watch in a browser.
//! Run: cargo run --features http --example live_page -- 127.0.0.1:9188, open the page it names, and press Enter to end it.
//!
//! `parsers` is in full use, and now and then one is thrown away. The backend of `connections` is down every other half minute: see
//! its breaker. `buffers` is large: 4,096 slots.

use slackwater::http::Server;
use slackwater::{BreakerConfig, Checkout, Manager, Pool};
use std::error::Error;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// What is held for a while; one in so many fails its user.
struct Parsers;

impl Manager for Parsers {
    type Resource = Vec<u8>;
    type Error = String;

    fn create(&self) -> Result<Vec<u8>, String> {
        Ok(vec![0; 64 * 1024])
    }

    fn weight(&self, parser: &Vec<u8>) -> u64 {
        parser.len() as u64
    }
}

/// What comes from a backend that is down at times.
struct Connections {
    since: Instant,
}

impl Manager for Connections {
    type Resource = String;
    type Error = String;

    fn create(&self) -> Result<String, String> {
        match self.since.elapsed().as_secs() / 30 % 2 {
            0 => Ok("connected".to_owned()),
            _ => Err("connection refused by backend.internal:5432".to_owned()),
        }
    }
}

/// Good enough to look busy: SplitMix64.
fn dice(below: u64) -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    let mut bits = STATE.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) % below
}

fn milliseconds(most: u64) -> Duration {
    Duration::from_micros(dice(most * 1000))
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let parsers =
        Pool::builder(Parsers).name("parsers").max_size(12).max_hold(Duration::from_millis(400)).memory_budget(2 << 20);
    let parsers = parsers.build()?;
    let backend = Connections { since: Instant::now() };
    let breaker = BreakerConfig::new().failure_threshold(3);
    let connections = Pool::builder(backend).name("connections").max_size(5).max_uses(40).breaker(breaker).build()?;
    let buffers = Pool::builder(|| Ok::<_, String>(Vec::<u8>::new())).name("buffers").max_size(4096).build()?;

    let server = Server::bind(address)?.pool(&parsers).pool(&connections).pool(&buffers).start()?;
    println!("watch it at {} and press Enter to end it", server.url());

    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..16 {
            let parse = || {
                while !over.load(Relaxed) {
                    let Ok(parser) = parsers.checkout() else { continue };
                    thread::sleep(if dice(40) == 0 { milliseconds(900) } else { milliseconds(60) });
                    if dice(90) == 0 {
                        parser.discard("it choked on its input");
                    }
                }
            };
            thread::Builder::new().name(format!("parse-{number}")).spawn_scoped(scope, parse).expect("a thread");
        }
        for number in 0..3 {
            let query = || {
                while !over.load(Relaxed) {
                    let connection = connections.checkout_timeout(Duration::from_millis(200));
                    thread::sleep(milliseconds(40));
                    drop(connection);
                }
            };
            thread::Builder::new().name(format!("query-{number}")).spawn_scoped(scope, query).expect("a thread");
        }
        scope.spawn(|| {
            let mut held: Vec<Checkout<'_, _>> = Vec::new();
            while !over.load(Relaxed) {
                held.extend((0..dice(400)).map_while(|_| buffers.try_checkout().ok()));
                thread::sleep(milliseconds(500));
                held.truncate(dice(3_000) as usize);
            }
        });
        // Enter, or the end of what is piped in.
        let _ = std::io::stdin().read(&mut [0]);
        over.store(true, Relaxed);
    });
    Ok(())
}
