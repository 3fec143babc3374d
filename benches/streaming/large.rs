//! One page of 100 MB, each engine in a process of its own.

use std::process::Command;
use std::time::Duration;

use slackwater::Manager;
use slackwater::extract::{Extractor, Recipe, Values};

use super::clock::core_time;
use super::harness::Table;
use super::{FIELDS, managers};

const ASKED: &str = "SLACKWATER_LARGE_PAGE";
const ENGINES: [&str; 3] = ["dom", "streaming", "streaming, watched"];

/// Which engine this process is to run, if it was started for that; with it the megabytes.
pub fn asked() -> Option<String> {
    std::env::var(ASKED).ok()
}

/// A list of many rows, each with a link: few values of the recipe's first field, many of its second.
fn page(bytes: usize) -> String {
    let mut page = String::with_capacity(bytes + 200);
    page.push_str("<!doctype html><html><head><title>t</title></head><body><h1>rows</h1>\n");
    let mut row = 0_u32;
    while page.len() < bytes {
        // A link in one row of a hundred: it is not the values that are measured.
        let link = if row.is_multiple_of(100) { "<a href=\"/row\">row</a>" } else { "<em>row</em>" };
        page.push_str("<div class=\"row\"><p>Some text of the row, with <b>parts</b> and <code>code</code>.</p><p>");
        page.push_str(link);
        page.push_str("</p></div>\n");
        row += 1;
    }
    page.push_str("</body></html>\n");
    page
}

/// Prints core time in microseconds, and by how many kilobytes the most memory grew.
pub fn run(which: &str) {
    let (engine, bytes) = which.split_once(':').expect("ENGINE:BYTES");
    let page = page(bytes.parse().expect("a number"));
    let mut values = Values::new(FIELDS.len());
    let before = peak_kilobytes();
    let start = core_time();
    if engine == ENGINES[0] {
        let mut recipe = Recipe::new();
        FIELDS.iter().for_each(|field| assert!(recipe.css(field).is_ok()));
        let Ok(mut extractor) = recipe.css_manager().expect("two fields").create();
        extractor.extract(&page, &mut values);
    } else {
        let [unwatched, watched] = managers();
        let Ok(mut extractor) = if engine == ENGINES[1] { unwatched } else { watched.clone() }.create();
        extractor.extract(&page, &mut values);
        assert_eq!(watched.pages().with_a_tree(), 0, "this page is plain");
    }
    let took = core_time() - start;
    let found: usize = (0..FIELDS.len()).map(|field| values.of(field).len()).sum();
    println!("{} {} {found}", took.as_micros(), peak_kilobytes().saturating_sub(before));
}

/// The most memory this process ever had.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Prints what each took. Gives the megabytes of the watched one.
pub fn compare(rounds: usize) -> Option<f64> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let bytes = if rounds == 1 { 1_000_000 } else { 100_000_000 };
    let columns = ["contestant", "MB a core second", "memory beside the page, MB"];
    let mut table = Table::new(format!("one page of {} MB", bytes / 1_000_000), &columns);
    let mut grown = None;
    let mut found = Vec::new();
    for engine in ENGINES {
        let program = std::env::current_exe().ok()?;
        let output = Command::new(program).env(ASKED, format!("{engine}:{bytes}")).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let &[micros, kilobytes, values] = numbers.as_slice() else { panic!("{engine} has no numbers: {text}") };
        let seconds = Duration::from_micros(micros).as_secs_f64();
        let megabytes = kilobytes as f64 / 1e3;
        grown = Some(megabytes);
        found.push(values);
        table.row(vec![engine.to_owned(), format!("{:.1}", bytes as f64 / 1e6 / seconds), format!("{megabytes:.1}")]);
    }
    table.print();
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "they differ in what they found: {found:?}");
    grown
}
