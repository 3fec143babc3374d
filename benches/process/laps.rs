//! slackwater's part of `benches/process/peers.py`, which starts it: calls workers in Python as often as it is told to.
//!
//! Arguments: python, the kit, the number of workers. Then, for each line `latency|throughput CASE ARGUMENT COUNT` on standard input, it
//! makes so many calls, one after the other or from as many threads as there are workers, and answers with the nanoseconds of each or of
//! all, until a line `end`. The argument is what the function is called with, for payloads their length.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use slackwater::Pool;
use slackwater::process::{Codec, ProcessManager};

type Failed = Box<dyn Error + Send + Sync>;
type Workers = Pool<ProcessManager>;

/// What is done by one call.
#[derive(Clone)]
enum Call {
    /// An operation, and the number that is its argument.
    Number(&'static str, u64),
    /// A string there and back as JSON.
    Text(String),
    /// The same as bytes.
    RawText(String),
    Bytes(Vec<u8>),
}

struct Pools {
    json: Workers,
    text: Workers,
    bytes: Workers,
}

impl Pools {
    fn start(python: &str, kit: &str, size: usize) -> Result<Self, Failed> {
        let start = |codec, arguments: &[&str]| -> Result<Workers, Failed> {
            let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/process");
            let builder = ProcessManager::builder(python).arg(kit).args(arguments).codec(codec).directory(here);
            Ok(Pool::builder(builder.inherit("PATH").build()?).max_size(size).build()?)
        };
        Ok(Self {
            json: start(Codec::Json, &["functions:empty", "functions:compute", "functions:echo"])?,
            text: start(Codec::Raw, &["--raw", "functions:echo_text"])?,
            bytes: start(Codec::Raw, &["--raw", "functions:echo"])?,
        })
    }

    fn call(&self, call: &Call) -> Result<(), Failed> {
        match call {
            Call::Number(operation, number) => {
                let _: Option<u64> = self.json.checkout()?.call(operation, number)?;
            }
            Call::Text(text) => {
                let back: String = self.json.checkout()?.call("echo", text.as_str())?;
                same(back.as_bytes(), text.as_bytes())?;
            }
            Call::RawText(text) => {
                let back = String::from_utf8(self.text.checkout()?.call_raw(text.as_bytes())?)?;
                same(back.as_bytes(), text.as_bytes())?;
            }
            Call::Bytes(bytes) => same(&self.bytes.checkout()?.call_raw(bytes)?, bytes)?,
        }
        Ok(())
    }
}

/// Whoever calls it looks at what came back, in Python too.
fn same(back: &[u8], sent: &[u8]) -> Result<(), Failed> {
    if back.len() == sent.len() { Ok(()) } else { Err("what came back is not what was sent".into()) }
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = env::args().collect();
    let [_, python, kit, size] = &arguments[..] else { return Err("usage: laps PYTHON KIT WORKERS".into()) };
    let size: usize = size.parse()?;
    let pools = Pools::start(python, kit, size)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line == "end" {
            break;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [measure, case, argument, count] = words[..] else { return Err(format!("not a lap: {line}").into()) };
        let (number, count): (u64, u64) = (argument.parse()?, count.parse()?);
        let length = usize::try_from(number)?;
        let call = match case {
            "empty" => Call::Number("empty", number),
            "compute" => Call::Number("compute", number),
            "text" => Call::Text(text(length)),
            "raw_text" => Call::RawText(text(length)),
            "bytes" => Call::Bytes((0..=255).cycle().take(length).collect()),
            _ => return Err(format!("not a case: {case}").into()),
        };
        let took = match measure {
            "latency" => latencies(&pools, &call, count)?,
            "throughput" => vec![throughput(&pools, &call, count, size)?],
            _ => return Err(format!("not a measure: {measure}").into()),
        };
        let took: Vec<String> = took.iter().map(u128::to_string).collect();
        writeln!(io::stdout(), "{}", took.join(" "))?;
    }
    Ok(())
}

/// Lines of text, as there are in any: JSON has to escape their ends. The same as in peers.py.
fn text(length: usize) -> String {
    "the quick brown fox jumps over the lazy dog, and then again\n".chars().cycle().take(length).collect()
}

fn latencies(pools: &Pools, call: &Call, count: u64) -> Result<Vec<u128>, Failed> {
    let mut all = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        pools.call(call)?;
        all.push(begun.elapsed().as_nanos());
    }
    Ok(all)
}

fn throughput(pools: &Pools, call: &Call, count: u64, size: usize) -> Result<u128, Failed> {
    let begun = Instant::now();
    thread::scope(|scope| {
        let share = count / size as u64;
        let callers: Vec<_> =
            (0..size).map(|_| scope.spawn(move || (0..share).try_for_each(|_| pools.call(call)))).collect();
        callers.into_iter().try_for_each(|caller| caller.join().expect("callers do not panic"))
    })?;
    Ok(begun.elapsed().as_nanos())
}
