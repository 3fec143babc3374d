//! A service: eight threads answer HTTP out of SQLite through four pooled connections, a second port has the metrics, and SIGTERM ends
//! it gracefully, with a report.
//! Run: cargo run --manifest-path examples/service/Cargo.toml -- notes.sqlite 127.0.0.1:8080 127.0.0.1:9188
//!
//! `POST /notes` keeps the body, `GET /notes` tells how many there are and the last of them; `http://127.0.0.1:9188/` shows the pool,
//! `/metrics` is for Prometheus, `/health` for whoever decides whether to send requests here. `examples/service/try` does all of it.

mod database;
mod request;

use database::Database;
use request::Request;
use rusqlite::OptionalExtension;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use slackwater::Pool;
use slackwater::http::Server;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 8;
const CONNECTIONS: usize = 4;
/// What a request may take of its client's patience before it is told to come again.
const DEADLINE: Duration = Duration::from_millis(250);
/// How long the end waits for requests under way.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, address, watched_at] = &arguments[..] else {
        return Err("usage: service DATABASE ADDRESS METRICS_ADDRESS".into());
    };
    // Before there are threads, so that no signal comes too early.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let pool = Pool::builder(Database(path.into()))
        .name("notes")
        .max_size(CONNECTIONS)
        .checkout_timeout(DEADLINE)
        .max_waiters(64) // More than that cannot be served in time.
        .build()?;
    let metrics = Server::bind(watched_at.as_str())?.pool(&pool).start()?;
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("serving http://{address}/notes, watched at {}", metrics.url());

    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| serve(&listener, &pool, &ends));
        }
        let signal = signals.forever().next();
        println!("signal {}: no more requests", signal.unwrap_or_default());
        ends.store(true, SeqCst);
        wake(address);
        // The scope ends when the requests under way have been answered.
    });
    let report = pool.close(GRACE);
    metrics.stop();
    let stats = pool.stats();
    println!("{report}");
    println!("{} checkouts, {} created, {} destroyed", stats.checkouts, stats.created, stats.destroyed.total());
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Answers one after the other until it is to end.
fn serve(listener: &TcpListener, pool: &Pool<Database>, ends: &AtomicBool) {
    while let Ok((mut stream, _)) = listener.accept() {
        if ends.load(SeqCst) {
            return;
        }
        let (status, body) = match request::read(&mut stream) {
            Ok(request) => respond(pool, &request),
            Err(error) => ("400 Bad Request", format!("{error}\n")),
        };
        // A client that has gone is its own affair.
        let _ = request::answer(&mut stream, status, &body);
    }
}

/// Has each thread's `accept` return once more.
fn wake(address: SocketAddr) {
    for _ in 0..THREADS {
        let _ = TcpStream::connect(address);
    }
}

fn respond(pool: &Pool<Database>, request: &Request) -> (&'static str, String) {
    if request.path != "/notes" {
        return ("404 Not Found", "there is /notes\n".to_owned());
    }
    let connection = match pool.checkout_deadline(Instant::now() + DEADLINE) {
        Ok(connection) => connection,
        // The text names the cause, or who holds the connections: it is for the log, not for strangers.
        Err(error) => {
            eprintln!("{error}");
            return ("503 Service Unavailable", "try again in a moment\n".to_owned());
        }
    };
    let done = match request.method.as_str() {
        "POST" => {
            let text = String::from_utf8_lossy(&request.body);
            connection.execute("INSERT INTO notes (text) VALUES (?1)", [text]).map(|_| ("201 Created", String::new()))
        }
        "GET" => notes(&connection).map(|text| ("200 OK", text)),
        _ => return ("405 Method Not Allowed", "GET or POST\n".to_owned()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ("500 Internal Server Error", "it was not done\n".to_owned())
    })
}

fn notes(connection: &rusqlite::Connection) -> rusqlite::Result<String> {
    let count: i64 = connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?;
    let last = "SELECT text FROM notes ORDER BY id DESC LIMIT 1";
    let last: Option<String> = connection.query_row(last, [], |row| row.get(0)).optional()?;
    Ok(format!("{count} notes\n{}\n", last.unwrap_or_default()))
}
