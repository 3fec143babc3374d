//! An extractor that does what it is told. Each query, whatever its kind, is one command:
//!
//! | command | what it does | its values |
//! |---|---|---|
//! | `echo TEXT` | nothing else | the text |
//! | `page` | | the page |
//! | `loop` | never ends | |
//! | `busy N` | N thousand multiplications | the product |
//! | `trap`, `panic` | what a wrong index, or a failed assertion, does to a component | |
//! | `stack` | calls itself without end; the calls fill the engine's stack | |
//! | `shadow` | the same with 64 KiB of memory a call, which fill the component's own stack | |
//! | `allocate N` | writes to N new bytes, and frees them | N |
//! | `grow N` | writes to N new bytes, and keeps them for ever | the bytes kept so far |
//! | `hoard` | `grow 1048576` without end | |
//! | `return N` | | one value of N bytes |
//! | `values N` | | N empty values |
//! | `count` | counts its uses in a static | the count, with this use |
//! | `keep TEXT`, `kept` | keeps the text in a static | what was kept before; what is kept |
//! | `memory` | | bytes of its linear memory |
//! | `wrong N` | | N lists, whatever else is asked |
//! | `fail KIND` | fails as `selector`, `pattern`, `unsupported` or `page` | |
//!
//! Anything else is `unsupported`. Commands run in the order of the queries.

mod memory;
mod stack;

use std::cell::RefCell;
use std::hint::black_box;

wit_bindgen::generate!({ path: "../../wit", world: "extractor" });

use exports::slackwater::extract::extraction::{Failure, Guest, Mistake, Query};

struct Misbehaving;

/// What crosses from one use of an instance to the next.
#[derive(Default)]
struct State {
    count: u64,
    text: String,
    hoard: Vec<Vec<u8>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

impl Guest for Misbehaving {
    fn extract(page: String, queries: Vec<Query>) -> Result<Vec<Vec<String>>, Failure> {
        let mut lists = Vec::new();
        let mut wrong = None;
        for (index, query) in (0..).zip(&queries) {
            let text = match query {
                Query::Css(css) => &css.selector,
                Query::Pattern(pattern) => pattern,
            };
            let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
            if command == "wrong" {
                wrong = Some(number(index, rest)?);
            }
            lists.push(STATE.with_borrow_mut(|state| run(state, index, command, rest, &page))?);
        }
        if let Some(wrong) = wrong {
            lists.resize(wrong, Vec::new());
        }
        Ok(lists)
    }
}

export!(Misbehaving);

fn run(state: &mut State, index: u32, command: &str, rest: &str, page: &str) -> Result<Vec<String>, Failure> {
    let value = match command {
        "echo" => rest.to_owned(),
        "page" => page.to_owned(),
        "loop" => loop {
            black_box(());
        },
        "busy" => {
            let rounds = number(index, rest)? as u64 * 1000;
            (0..rounds).fold(1_u64, |product, round| black_box(product.wrapping_mul(round | 1))).to_string()
        }
        "trap" => memory::trap(),
        "panic" => panic!("it was told to"),
        "stack" => stack::overflow(0).to_string(),
        "shadow" => stack::overflow_own(0).to_string(),
        "allocate" => black_box(vec![1_u8; number(index, rest)?]).len().to_string(),
        "grow" => {
            state.hoard.push(vec![1; number(index, rest)?]);
            state.hoard.iter().map(Vec::len).sum::<usize>().to_string()
        }
        "hoard" => loop {
            state.hoard.push(black_box(vec![1; 1 << 20]));
        },
        "return" => "x".repeat(number(index, rest)?),
        "values" => return Ok(vec![String::new(); number(index, rest)?]),
        "count" => {
            state.count += 1;
            state.count.to_string()
        }
        "keep" => std::mem::replace(&mut state.text, rest.to_owned()),
        "kept" => state.text.clone(),
        "memory" => memory::size().to_string(),
        "wrong" => return Ok(Vec::new()),
        "fail" => return Err(failure(index, rest)),
        _ => return Err(unsupported(index, format!("there is no command {command:?}"))),
    };
    Ok(vec![value])
}

fn number(index: u32, text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|error| unsupported(index, format!("{text:?} is no number: {error}")))
}

fn unsupported(query: u32, message: String) -> Failure {
    Failure::Unsupported(Mistake { query, message, at: None })
}

fn failure(query: u32, kind: &str) -> Failure {
    let mistake = Mistake { query, message: "it was told to fail".to_owned(), at: Some(5) };
    match kind {
        "selector" => Failure::Selector(mistake),
        "pattern" => Failure::Pattern(mistake),
        "unsupported" => Failure::Unsupported(mistake),
        "page" => Failure::Page(mistake.message),
        _ => unsupported(query, format!("there is no failure {kind:?}")),
    }
}
