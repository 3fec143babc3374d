//! A pool's numbers for Prometheus, from a server of the program's own.
//! Run: cargo run --features http --example prometheus [-- ADDRESS SECONDS]
//!
//! Four threads share two buffers. Without an address it prints what Prometheus would read, and ends; with one it serves that
//! for so many seconds, and prints its checkouts at the end.

use slackwater::{Pool, Scrape};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pool = Pool::builder(|| Ok::<_, std::io::Error>(String::new())).name("buffers").max_size(2).time_one_in(16);
    let (pool, scrape, done) = (pool.build()?, Scrape::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    if let Ok(mut text) = pool.checkout() {
                        text.clear();
                        text.extend((0..100).map(|number| char::from(b'a' + number % 26)));
                    }
                    thread::yield_now();
                }
            });
        }
        let served = match &arguments[..] {
            [address, seconds] => {
                seconds.parse().map_err(Into::into).and_then(|seconds| serve(address, seconds, &pool, &scrape))
            }
            _ => {
                while pool.stats().checkouts < 1_000 {
                    thread::yield_now();
                }
                print!("{}", scrape.render(&[pool.snapshot()]));
                Ok(())
            }
        };
        done.store(true, Relaxed);
        served
    })?;
    println!("# checkouts: {}", pool.stats().checkouts);
    println!("# {}", pool.close(Duration::from_secs(1)));
    Ok(())
}

/// Answers whoever comes. A server that strangers reach wants limits that this one has not.
fn serve<M: slackwater::Manager>(
    address: &str,
    seconds: u64,
    pool: &Pool<M>,
    scrape: &Scrape,
) -> Result<(), Box<dyn Error>> {
    let (listener, end) = (TcpListener::bind(address)?, Instant::now() + Duration::from_secs(seconds));
    listener.set_nonblocking(true)?;
    while Instant::now() < end {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut lines = BufReader::new(&stream).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let text = scrape.render(&[pool.snapshot()]);
        let (kind, length) = (Scrape::CONTENT_TYPE, text.len());
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(text.as_bytes()));
    }
    Ok(())
}
