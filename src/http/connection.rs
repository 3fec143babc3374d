//! One connection: a head is read, an answer written, and that is all.

use super::hosts::Hosts;
use super::request::{self, MOST_BYTES, Refusal};
use super::response::{Answer, Status};
use super::routes;
use super::table::Seat;
use super::watch::Watch;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long a head may take as a whole, however it comes.
const HEAD_TIME: Duration = Duration::from_secs(2);

/// How long an answer may take to go out as a whole.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How long, and for how many bytes, we listen on after an answer. A connection that is closed with bytes unread is reset, and
/// the client loses the answer with it.
const LINGER_TIME: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 * 1024;

/// Bytes written at a time, so that the deadline is looked at between.
const CHUNK: usize = 64 * 1024;

pub(super) fn serve(seat: &Seat, hosts: &Hosts, watch: &Watch) {
    let stream = &*seat.stream;
    // Best effort: without it an answer takes a little longer.
    let _ = stream.set_nodelay(true);
    let Some(answer) = answer(seat, hosts, watch) else { return };
    let until = Instant::now() + ANSWER_TIME;
    if write(stream, &answer.head(), until).and_then(|()| write(stream, answer.body(), until)).is_some() {
        seat.answered();
        linger(stream);
    }
}

/// What to answer; None if nobody is there to hear it.
fn answer(seat: &Seat, hosts: &Hosts, watch: &Watch) -> Option<Answer> {
    let until = Instant::now() + HEAD_TIME;
    let mut bytes = Vec::with_capacity(1024);
    let mut buffer = [0; 1024];
    loop {
        let room = buffer.len().min(MOST_BYTES - bytes.len());
        match read(&seat.stream, &mut buffer[..room], until) {
            Got::Bytes(some) => bytes.extend_from_slice(&buffer[..some]),
            Got::Nothing => return None,
            Got::TooLate => return Some(Refusal::new(Status::TooSlow, "the whole head has 2 s").into()),
        }
        match request::parse(&bytes, hosts) {
            Ok(None) => {}
            Ok(Some(request)) => {
                seat.asked();
                return Some(routes::answer(&request, watch));
            }
            Err(refusal) => return Some(refusal.into()),
        }
    }
}

enum Got {
    Bytes(usize),
    /// The end, or an error, which is one.
    Nothing,
    TooLate,
}

fn read(mut stream: &TcpStream, buffer: &mut [u8], until: Instant) -> Got {
    loop {
        let Some(left) = left(until) else { return Got::TooLate };
        if stream.set_read_timeout(Some(left)).is_err() {
            return Got::Nothing;
        }
        match stream.read(buffer) {
            Ok(0) => return Got::Nothing,
            Ok(some) => return Got::Bytes(some),
            Err(error) if is_passing(error.kind()) => {}
            Err(_) => return Got::Nothing,
        }
    }
}

fn write(mut stream: &TcpStream, mut bytes: &[u8], until: Instant) -> Option<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(until)?)).ok()?;
        match stream.write(&bytes[..bytes.len().min(CHUNK)]) {
            Ok(0) => return None,
            Ok(some) => bytes = &bytes[some..],
            Err(error) if is_passing(error.kind()) => {}
            Err(_) => return None,
        }
    }
    Some(())
}

fn linger(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let (until, mut buffer, mut heard) = (Instant::now() + LINGER_TIME, [0; 1024], 0);
    while heard < LINGER_BYTES
        && let Got::Bytes(some) = read(stream, &mut buffer, until)
    {
        heard += some;
    }
}

/// What is left until then; None for nothing, which as a timeout would mean for ever.
fn left(until: Instant) -> Option<Duration> {
    Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
