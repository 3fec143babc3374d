//! One worker: a page in, a line out.

use std::time::Duration;

use hdrhistogram::Histogram;
use slackwater::extract::{CssManager, Extractor, Recipe, RegexManager, Values, decode, extract_page, sniff};
use slackwater::{Manager, Pool};

use super::input::Source;

/// How long a page waits for an extractor. Others hold one for a page each, so only a page that takes minutes gets near.
const PATIENCE: Duration = Duration::from_secs(600);

/// Room for page bytes kept from page to page; more is given back after a large page.
const KEEP: usize = 4 << 20;

/// Pages larger than this are extracted on threads of their own, at most two at a time. A document tree takes 5 to 50 times
/// the page's size, so the few large pages set the peak; and the allocator keeps what a thread once used for that thread, so
/// it must not be every thread that has seen one. One lane alone was tried: it idled a tenth of two cores on the reference.
const LARGE: usize = 1 << 20;
const LARGE_LANES: usize = 2;

/// What all workers share: the pools of the kinds in use, and the threads for large pages.
pub struct Shared {
    css: Option<Pool<CssManager>>,
    regex: Option<Pool<RegexManager>>,
    large: rayon::ThreadPool,
}

impl Shared {
    /// Builds and warms `size` extractors of each kind the recipe has fields of.
    /// # Errors
    /// A pool or a thread that cannot be had, with what to try.
    pub fn build(recipe: &Recipe, size: usize) -> Result<Self, String> {
        let css = recipe.css_manager().map(|manager| pool("css", manager, size)).transpose()?;
        let regex = recipe.regex_manager().map(|manager| pool("regex", manager, size)).transpose()?;
        Ok(Self { css, regex, large: threads(LARGE_LANES)? })
    }

    /// Runs all fields over one page.
    fn extract(&self, page: &str, values: &mut Values, waits: &mut Histogram<u64>) -> Result<(), String> {
        visit(self.css.as_ref(), page, values, waits)?;
        visit(self.regex.as_ref(), page, values, waits)
    }
}

fn pool<M: Manager>(name: &'static str, manager: M, size: usize) -> Result<Pool<M>, String> {
    Pool::builder(manager)
        .name(name)
        .max_size(size)
        .checkout_timeout(PATIENCE)
        .build()
        .map_err(|error| format!("cannot build the {name} pool: {error}"))
}

/// A rayon pool of `n` threads.
/// # Errors
/// If the system does not give that many, with what to try.
pub fn threads(n: usize) -> Result<rayon::ThreadPool, String> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build()
        .map_err(|error| format!("cannot start {n} threads: {error}; try fewer --threads"))
}

/// A finished page.
pub struct Line {
    /// The JSON, with its newline.
    pub json: Vec<u8>,
    /// Size of the page.
    pub bytes: u64,
    /// Whether it carries an error.
    pub failed: bool,
}

/// What a thread needs for its pages, reused from one to the next.
pub struct Worker<'a> {
    shared: &'a Shared,
    names: &'a [String],
    max_bytes: u64,
    page: Vec<u8>,
    values: Values,
    /// Checkout times in nanoseconds.
    pub waits: Histogram<u64>,
}

impl<'a> Worker<'a> {
    pub fn new(shared: &'a Shared, names: &'a [String], max_bytes: u64) -> Self {
        Self { shared, names, max_bytes, page: Vec::new(), values: Values::new(names.len()), waits: new_waits() }
    }

    /// Reads and extracts one page. Whatever goes wrong with it is in the line.
    pub fn page(&mut self, source: &Source) -> Line {
        self.values.clear();
        let outcome = self.extract(source);
        let failed = outcome.is_err();
        let json = self.json(&source.name(), outcome);
        let bytes = self.page.len() as u64;
        self.page.clear();
        self.page.shrink_to(KEEP);
        Line { json, bytes, failed }
    }

    /// The note, if the page was not plain UTF-8.
    fn extract(&mut self, source: &Source) -> Result<Option<String>, String> {
        source.read(&mut self.page, self.max_bytes)?;
        sniff(&self.page).map_err(|error| error.to_string())?;
        let decoded = decode(&self.page);
        let (shared, values, waits) = (self.shared, &mut self.values, &mut self.waits);
        let mut extract = || shared.extract(&decoded.text, values, waits);
        if self.page.len() > LARGE { shared.large.install(extract) } else { extract() }?;
        Ok(decoded.note)
    }

    fn json(&self, source: &str, outcome: Result<Option<String>, String>) -> Vec<u8> {
        let mut line = Vec::with_capacity(256);
        line.extend_from_slice(b"{\"source\":");
        string(&mut line, source);
        line.extend_from_slice(b",\"fields\":{");
        if outcome.is_ok() {
            for (field, name) in self.names.iter().enumerate() {
                if field > 0 {
                    line.push(b',');
                }
                string(&mut line, name);
                line.extend_from_slice(b":[");
                for (n, value) in self.values.of(field).enumerate() {
                    if n > 0 {
                        line.push(b',');
                    }
                    string(&mut line, value);
                }
                line.push(b']');
            }
        }
        line.extend_from_slice(b"},\"error\":");
        match outcome {
            Ok(note) => {
                line.extend_from_slice(b"null");
                if let Some(note) = note {
                    line.extend_from_slice(b",\"note\":");
                    string(&mut line, &note);
                }
            }
            Err(why) => string(&mut line, &why),
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

/// An empty histogram of nanoseconds: three digits, growing as far as it must.
pub fn new_waits() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are within 0 to 5")
}

fn visit<M>(pool: Option<&Pool<M>>, page: &str, values: &mut Values, waits: &mut Histogram<u64>) -> Result<(), String>
where
    M: Manager,
    M::Resource: Extractor,
{
    let Some(pool) = pool else { return Ok(()) };
    let (waited, outcome) = extract_page(pool, page, values);
    record(waits, waited);
    outcome.map_err(|error| error.to_string())
}

/// Not `saturating_record`: that would cut the time off at what the histogram has room for now, instead of growing it.
fn record(waits: &mut Histogram<u64>, waited: Duration) {
    let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
    waits.record(nanos).expect("the histogram grows");
}

fn string(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string always has a JSON form, and memory takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: the summary's maximum is the longest wait. Provoked: waits far beyond what an empty histogram has room for.
    #[test]
    fn long_waits_are_not_cut_off() {
        let mut waits = new_waits();
        for wait in [Duration::from_nanos(80), Duration::from_secs(3), PATIENCE, Duration::MAX] {
            record(&mut waits, wait);
            let want = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
            assert!(waits.max() >= want - want / 1000, "{wait:?} came out as {} ns", waits.max());
        }
    }
}
