//! What a checkout takes while somebody looks at the pool's live page, and while a thousand bad clients besiege the server.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use slackwater::Pool;
use slackwater::http::Server;

use crate::harness::{Bound, Options, Rounds, Table, Verdicts, ratios};

/// How often the page is asked for, and how many bad clients are there at a time.
const POLL: Duration = Duration::from_millis(100);
const CROWD: usize = 1_000;

/// What goes on beside the laps, as the index of its row.
const ALONE: u8 = 0;
const POLLED: u8 = 1;
const BESIEGED: u8 = 2;
const OVER: u8 = 3;

/// Medians and 99th percentiles of the laps, in nanoseconds.
#[derive(Default)]
struct Figures {
    median: Rounds,
    p99: Rounds,
}

pub fn measure(options: &Options, verdicts: &mut Verdicts) {
    let pool = Pool::builder(|| Ok::<_, String>(0_u64)).name("watched").max_size(16).build().expect("a number is made");
    let server =
        Server::bind("127.0.0.1:0").and_then(|server| server.pool(&pool).start()).expect("loopback has a port");
    let (addr, mode) = (server.addr(), AtomicU8::new(ALONE));
    let mut figures = [(); 3].map(|()| Figures::default());
    // Long enough for two polls.
    let (rounds, lap) = (options.rounds.div_ceil(50), options.lap * 200);
    thread::scope(|scope| {
        scope.spawn(|| poll(addr, &mode));
        scope.spawn(|| besiege(addr, &mode));
        for _ in 0..rounds {
            for now in [ALONE, POLLED, BESIEGED] {
                mode.store(now, SeqCst);
                let (median, p99) = time_each(&pool, lap);
                figures[usize::from(now)].median.push(median);
                figures[usize::from(now)].p99.push(p99);
            }
        }
        mode.store(OVER, SeqCst);
    });
    let mut table =
        Table::new(format!("each timed alone, {rounds} laps of {lap:?}"), &["checkout + return", "p50, ns", "p99, ns"]);
    for (name, figures) in
        ["nobody watches", "the page is asked for 10 times a second", "1,000 bad clients"].iter().zip(&figures)
    {
        table.row(vec![
            (*name).to_owned(),
            format!("{:.0}", figures.median.median()),
            format!("{:.0}", figures.p99.median()),
        ]);
    }
    table.print();
    let [alone, polled, besieged] = &figures;
    for (what, these) in [("polled 10 times a second", polled), ("with 1,000 bad clients", besieged)] {
        let (median, p99) = (ratios(&these.median, &alone.median), ratios(&these.p99, &alone.p99));
        verdicts.wanted_times(&format!("checkout p50, {what} vs alone"), median.median(), Bound::AtMost(1.1));
        verdicts.wanted_times(&format!("checkout p99, {what} vs alone"), p99.median(), Bound::AtMost(1.1));
    }
}

/// The median and the 99th percentile of single uses, in nanoseconds, the looks at the clock included.
fn time_each<M: slackwater::Manager<Resource = u64>>(pool: &Pool<M>, lap: Duration) -> (f64, f64) {
    let (began, mut counts) = (Instant::now(), vec![0_u32; 100_000]);
    let mut uses = 0_u32;
    while began.elapsed() < lap {
        for _ in 0..256 {
            let start = Instant::now();
            *black_box(pool.checkout().expect("there are more resources than threads")) += 1;
            let took = start.elapsed().as_nanos() as usize;
            counts[took.min(99_999)] += 1;
            uses += 1;
        }
    }
    let percentile = |share: f64| {
        let (rank, mut passed) = ((f64::from(uses) * share) as u32, 0);
        let reaches = |count: &u32| {
            passed += count;
            passed > rank
        };
        counts.iter().position(reaches).unwrap_or_default() as f64
    };
    (percentile(0.5), percentile(0.99))
}

fn poll(addr: SocketAddr, mode: &AtomicU8) {
    loop {
        match mode.load(SeqCst) {
            OVER => return,
            POLLED => {
                if let Ok(mut stream) = TcpStream::connect(addr) {
                    let _ = stream.write_all(b"GET /pools.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
            _ => {}
        }
        thread::sleep(POLL);
    }
}

/// Keeps a thousand connections that say half a request; those that were cut are opened again.
fn besiege(addr: SocketAddr, mode: &AtomicU8) {
    let mut crowd = std::collections::VecDeque::new();
    loop {
        match mode.load(SeqCst) {
            OVER => return,
            BESIEGED => {
                if let Ok(mut stream) = TcpStream::connect_timeout(&addr, POLL) {
                    let _ = stream.write_all(b"GET /pools.json HTTP/1.1\r\nHost: lo");
                    crowd.push_back(stream);
                }
                if crowd.len() > CROWD {
                    crowd.pop_front();
                }
            }
            _ => {
                crowd.clear();
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
