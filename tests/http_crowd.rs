//! A thousand bad clients at once: the server answers a good one, the pool does not notice, and nothing is left of them.
//!
//! One test, so that the threads, descriptors and memory of the process are its own.

#![cfg(target_os = "linux")]

#[path = "http/client.rs"]
mod client;
mod support;

use slackwater::Pool;
use slackwater::http::Server;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use support::{closes_balanced, until};

const CROWD: usize = 1_000;

/// Comes and behaves badly in one of several ways; what comes of it is no matter. Stays until it is dropped.
fn bad_client(to: SocketAddr, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(to).ok()?;
    let mut dice = number as u64 * 2 + 1;
    let mut noise = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice as u8
    };
    let _ = match number % 5 {
        // Says nothing at all, says half of it, or makes noise.
        0 => Ok(()),
        1 => stream.write_all(b"GET /health HTTP/1.1\r\nHost: loc"),
        2 => stream.write_all(&(0..512).map(|_| noise()).collect::<Vec<_>>()),
        // Wants too much, or does not take what it asked for.
        3 => stream.write_all(format!("GET /{}", "a".repeat(64 * 1024)).as_bytes()),
        _ => stream.write_all(b"GET /pools.json HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    };
    Some(stream)
}

/// Bytes of memory that the process has.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Ends the one that works, however the test ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_thousand_bad_clients_hold_up_nobody_and_leave_nothing() {
    // Each needs a descriptor, and some systems give a process 1,024.
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum.map(|most| most.min(8_192)).or(Some(8_192));
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).expect("up to its maximum it is ours to set");

    // Not a probe, which remembers each call.
    let pool =
        Pool::builder(|| Ok::<_, String>(Box::new(0_u64))).name("busy").max_size(4).time_one_in(0).build().unwrap();
    let server = Server::bind("127.0.0.1:0").unwrap().pool(&pool).start().unwrap();
    let (addr, threads) = (server.addr(), format!("http-{}", server.addr().port()));
    let (over, uses) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| {
            while !over.load(Relaxed) {
                drop(pool.checkout().expect("there are four"));
                uses.fetch_add(1, Relaxed);
            }
        });
        let wave = || {
            let mut crowd = Vec::new();
            for number in 0..CROWD {
                crowd.push(bad_client(addr, number).expect("all come in"));
                // The system holds 128 until they are let in, and has whoever comes then try again a second later.
                if number % 100 == 99 {
                    assert_eq!(client::get(addr, "/health").status, 200, "a good one is answered while they come");
                }
            }
            // A thread for each of 64, and the server's own; those that are about to end are still listed.
            until(|| support::threads_named(&threads).len() <= 65);
            // A good one is answered while they are all there, and the pool works on.
            let before = uses.load(Relaxed);
            assert_eq!(client::get(addr, "/health").status, 200);
            until(|| uses.load(Relaxed) > before + 1_000);
            drop(crowd);
            until(|| support::threads_named(&threads).len() == 1);
        };
        // What the first one leaves is what memory there is from then on.
        wave();
        let (had, open) = (memory(), descriptors());
        (0..2).for_each(|_| wave());
        assert!(memory() < had + 4 * 1024 * 1024, "{} bytes after {had}", memory());
        assert_eq!(descriptors(), open);
    });
    let stats = pool.stats();
    assert_eq!((stats.timeouts, stats.rejected, stats.waits), (0, 0, 0), "nobody had to wait for anything");
    server.stop();
    closes_balanced(&pool);
}
