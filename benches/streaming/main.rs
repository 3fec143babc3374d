//! Without a document tree, per core: the text of `h1` and the `href` of `a[href]`, from real pages in memory; and one page of 100 MB.
//! Run: cargo bench --features streaming --bench streaming
//!
//! The pages, the rounds, the core time and selectolax are those of the bench `dom`. "Watched" is what `--engine auto` runs: a page is
//! watched as it is read, and goes through a tree if it is not plain. For the large page each engine runs in a process of its own,
//! as what counts there is the most memory that process ever had, less what it had with the page before it began.

#[path = "../dom/clock.rs"]
mod clock;
#[allow(dead_code, reason = "scraper and html5ever are the bench dom's affair")]
#[path = "../dom/contestants.rs"]
mod contestants;
#[path = "../harness/mod.rs"]
mod harness;
mod large;
#[path = "../dom/peers.rs"]
mod peers;
#[path = "../dom/sample.rs"]
mod sample;

use std::hint::black_box;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clock::core_time;
use contestants::Found;
use harness::Bound::{AtLeast, AtMost};
use harness::{About, Neighbours, Options, Table, Verdicts, describe_machine, stay_on_core};
use std::borrow::Cow;

use lol_html::{ElementContentHandlers, HtmlRewriter, Selector, Settings};
use peers::Peer;
use slackwater::Pool;
use slackwater::extract::{CssField, Engine, Recipe, StreamingManager, Values, extract_page};

const ABOUT: About = About {
    name: "streaming",
    text: "What a page costs without a document tree, with one, with lol_html alone, and with selectolax.\n\
           DOM_PAGES says how many pages; `--lap-us` means nothing here, a lap is all pages once. PEERS_PYTHON names a Python\n\
           that has selectolax; without one, an environment is made in the user's cache folder.\n",
    full: (15, Duration::ZERO),
    quick: (3, Duration::ZERO),
    smoke: (1, Duration::ZERO),
};

const NAMES: [&str; 5] = ["dom", "streaming", "streaming, watched", "bare lol_html", "selectolax"];
const DOM: usize = 0;
const STREAMING: usize = 1;
const WATCHED: usize = 2;
const BARE: usize = 3;
const SELECTOLAX: usize = 4;
pub const FIELDS: [&str; 2] = ["h1=h1", "links=a[href]@href"];

fn main() -> ExitCode {
    // A process of the large page's.
    if let Some(which) = large::asked() {
        large::run(&which);
        return ExitCode::SUCCESS;
    }
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let Some((paths, pages)) = sample::pages(options.rounds) else {
        println!("no pages: install them with `rustup component add rust-docs`");
        return ExitCode::SUCCESS;
    };
    let bytes: usize = pages.iter().map(String::len).sum();
    println!("{} pages of {:.1} MB in all, {} rounds", pages.len(), bytes as f64 / 1e6, options.rounds);
    let neighbours = Neighbours::watch();
    let mut laps: [Vec<Duration>; NAMES.len()] = Default::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            stay_on_core(0);
            let python = if options.asks_for(NAMES[SELECTOLAX]) {
                peers::python(options.rounds > 1)
            } else {
                Err("not asked for".to_owned())
            };
            let peer = python.and_then(|python| Peer::start(&python, &paths));
            let mut peer = peer.inspect_err(|why| println!("selectolax is left out: {why}")).ok();
            let contestants = Contestants::new();
            for _ in 0..options.rounds {
                contestants.round(&options, &pages, &mut peer, &mut laps);
            }
            let done = contestants.watched_manager.pages();
            println!("watched: {} pages without a tree, {} with one", done.streamed, done.with_a_tree());
        });
    });

    let mut table = Table::new("h1 text and link targets", &["contestant", "MB a core second", "pages", "us a page"]);
    for (name, laps) in NAMES.iter().zip(&laps) {
        let Some(best) = laps.iter().min().map(Duration::as_secs_f64) else { continue };
        let per_page = best / pages.len() as f64;
        table.row(vec![
            (*name).to_owned(),
            format!("{:.1}", bytes as f64 / 1e6 / best),
            format!("{:.0}", 1.0 / per_page),
            format!("{:.1}", per_page * 1e6),
        ]);
    }
    table.print();
    println!("{}", neighbours.describe());
    let speedup = |slow: usize, fast: usize| {
        let mut ratios: Vec<f64> =
            laps[slow].iter().zip(&laps[fast]).map(|(slow, fast)| slow.div_duration_f64(*fast)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    };
    let mut verdicts = Verdicts::default();
    for which in [STREAMING, WATCHED] {
        if let Some(speedup) = speedup(DOM, which) {
            println!("{} vs dom, one core: {speedup:.2} x", NAMES[which]);
        }
    }
    if let Some(speedup) = speedup(BARE, STREAMING) {
        verdicts.wanted_times("streaming against lol_html bare", speedup, AtLeast(0.9));
    }
    if let Some(speedup) = speedup(SELECTOLAX, STREAMING) {
        verdicts.wanted_times("streaming vs selectolax, one core", speedup, AtLeast(4.0));
    }
    if let Some(grown) = large::compare(options.rounds) {
        verdicts.wanted("memory of streaming, watched, beside a page of 100 MB", grown, " MB", AtMost(10.0));
    }
    ExitCode::from(verdicts.status(options.gate))
}

struct Contestants {
    dom: Pool<slackwater::extract::CssManager>,
    streaming: Pool<StreamingManager>,
    watched: Pool<StreamingManager>,
    watched_manager: StreamingManager,
    h1: Selector,
    links: Selector,
}

/// The two ways to run without a tree.
pub fn managers() -> [StreamingManager; 2] {
    let mut recipe = Recipe::new();
    FIELDS.iter().for_each(|field| assert!(recipe.css(field).is_ok()));
    let fields = FIELDS.iter().map(|field| CssField::parse(field).expect("sound")).enumerate();
    let unwatched = StreamingManager::unwatched(fields).expect("they ask for tags only");
    [unwatched, Engine::choose(&recipe).expect("they need no tree").manager()]
}

impl Contestants {
    fn new() -> Self {
        let [streaming, watched_manager] = managers();
        let pool = |manager| Pool::builder(manager).max_size(1).build().expect("a pool");
        Self {
            dom: contestants::pool(1),
            streaming: pool(streaming),
            watched: pool(watched_manager.clone()),
            watched_manager,
            h1: "h1".parse().expect("sound"),
            links: "a[href]".parse().expect("sound"),
        }
    }

    /// One lap of each.
    fn round(
        &self,
        options: &Options,
        pages: &[String],
        peer: &mut Option<Peer>,
        laps: &mut [Vec<Duration>; NAMES.len()],
    ) {
        let mut values = Values::new(2);
        let mut founds = Vec::new();
        let mut lap = |which: usize, run: &mut dyn FnMut(&str, &mut Found)| {
            let mut found = Found::default();
            if !options.asks_for(NAMES[which]) {
                return;
            }
            let start = core_time();
            pages.iter().for_each(|page| run(page, &mut found));
            laps[which].push(core_time() - start);
            founds.push((NAMES[which], found));
        };
        lap(DOM, &mut |page, found| contestants::ours(&self.dom, page, &mut values, found));
        for (which, pool) in [(STREAMING, &self.streaming), (WATCHED, &self.watched)] {
            lap(which, &mut |page, found| {
                values.clear();
                extract_page(pool, page, &mut values).1.expect("an answer");
                (0..2).for_each(|field| values.of(field).for_each(|value| found.add(value)));
            });
        }
        if let (Some(peer), true) = (peer, options.asks_for(NAMES[SELECTOLAX])) {
            let (took, found) = peer.lap().expect("selectolax answers");
            laps[SELECTOLAX].push(took);
            founds.push((NAMES[SELECTOLAX], found));
        }
        assert!(founds.windows(2).all(|pair| pair[0].1 == pair[1].1), "they differ in what they found: {founds:?}");
        if options.asks_for(NAMES[BARE]) {
            // It has no references resolved, so what it finds is longer.
            let start = core_time();
            pages.iter().for_each(|page| self.bare(page));
            laps[BARE].push(core_time() - start);
        }
    }

    /// The shortest loop over `lol_html`: pieces of text and values as they come.
    fn bare(&self, page: &str) {
        let (mut texts, mut links) = (String::new(), Vec::new());
        let text = |chunk: &mut lol_html::html_content::TextChunk<'_>| {
            texts.push_str(chunk.as_str());
            Ok(())
        };
        let link = |element: &mut lol_html::html_content::Element<'_, '_>| {
            links.extend(element.get_attribute("href"));
            Ok(())
        };
        let settings = Settings::new()
            .with_strict(false)
            .append_element_content_handler((Cow::Borrowed(&self.h1), ElementContentHandlers::default().text(text)))
            .append_element_content_handler((
                Cow::Borrowed(&self.links),
                ElementContentHandlers::default().element(link),
            ));
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
        rewriter.write(page.as_bytes()).and_then(|()| rewriter.end()).expect("nothing can fail");
        black_box((texts, links));
    }
}
