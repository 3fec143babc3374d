//! Eight threads share two parsers.
//! Run: cargo run --example shared_parser
//!
//! A parser is worth pooling when it keeps something warm from one text to the next: here the stack it grew. The pool makes
//! two, lends them 80 000 times, and clears each between two users.

use std::error::Error;
use std::num::ParseFloatError;
use std::thread;

use slackwater::{Manager, Pool, ReturnOutcome};

/// Evaluates sums in reverse Polish notation.
struct Parser {
    stack: Vec<f64>,
}

impl Parser {
    /// The value of `text`; `None` if it is no complete sum.
    fn value(&mut self, text: &str) -> Result<Option<f64>, ParseFloatError> {
        for word in text.split_whitespace() {
            let value = match (word, self.stack.as_slice()) {
                ("+", [.., a, b]) => a + b,
                ("*", [.., a, b]) => a * b,
                (number, _) => {
                    self.stack.push(number.parse()?);
                    continue;
                }
            };
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push(value);
        }
        Ok(self.stack.pop().filter(|_| self.stack.is_empty()))
    }
}

struct Parsers;

impl Manager for Parsers {
    type Resource = Parser;
    type Error = std::convert::Infallible;

    fn create(&self) -> Result<Parser, Self::Error> {
        Ok(Parser { stack: Vec::with_capacity(1 << 16) })
    }

    /// What a user leaves behind, after a mistake in the text say, must not reach the next one.
    fn recycle(&self, parser: &mut Parser) -> ReturnOutcome {
        parser.stack.clear();
        ReturnOutcome::Healthy
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let parsers = Pool::builder(Parsers).name("parsers").max_size(2).build()?;

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let mut parser = parsers.checkout().expect("each is held for a microsecond");
                    assert_eq!(parser.value("1 2 + 4 *"), Ok(Some(12.0)));
                    drop(parser); // Given back; the next text may get the other one.

                    let unfinished = parsers.with(|parser| parser.value("1 2")).expect("the same");
                    assert_eq!(unfinished, Ok(None));
                }
            });
        }
    });

    let stats = parsers.stats();
    println!("{} texts by {} parsers; {} had to wait for one", stats.checkouts, stats.created, stats.waits);
    Ok(())
}
