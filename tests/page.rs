//! The live page in a browser. Needs Debian's `chromium` and `chromium-driver`; asked for with
//! `cargo test --features extract,http --test page -- --ignored`.

#[path = "page/driver.rs"]
mod driver;
#[path = "page/extraction.rs"]
mod extraction;
#[path = "page/forms.rs"]
mod forms;
mod support;

use driver::Browser;
use extraction::Extraction;
use slackwater::http::{Server, ServerHandle};
use slackwater::{Mode, Pool};
use support::{Probe, closes_balanced};

fn serving(pool: &Pool<Probe>) -> ServerHandle {
    Server::bind("127.0.0.1:0").unwrap().pool(pool).start().unwrap()
}

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn an_extraction_can_be_watched_from_its_work_to_its_backend_going_down() {
    let extraction = Extraction::begin();
    let browser = Browser::open();
    let url = extraction.server.url();
    browser.go(&url);
    browser.until("document.querySelector('#live.on')");
    assert_eq!(browser.run("return document.getElementById('pool-name').innerText"), "extractors");

    // It works: what is shown changes from look to look.
    let count = "Number(document.querySelector('#times-rows td').innerText.replaceAll(',', ''))";
    browser.run("document.getElementById('times-all').click()");
    browser.until(&format!("{count} > 0"));
    let before = browser.run(&format!("return {count}"));
    browser.until(&format!("{count} > {before}"));
    browser.until("document.querySelectorAll('#cells .busy').length > 0");
    assert_eq!(browser.run("return document.querySelectorAll('#cells .cell').length"), extraction::EXTRACTORS);

    // One is thrown away.
    let ended = "document.querySelectorAll('#cells .fresh, #cells .ended').length";
    assert_eq!(browser.run(&format!("return {ended}")), 0);
    let colour = "getComputedStyle(document.querySelector('#cells .fresh, #cells .ended'), \
                  document.querySelector('#cells .ended') ? null : '::after').borderTopColor";
    extraction.discard_one();
    browser.until(&format!("{ended} > 0"));
    assert_eq!(browser.run(&format!("return {colour}")), "rgb(194, 65, 12)");
    browser.until("document.getElementById('events-rows').innerText.includes('discarded')");
    browser.picture("extraction");

    // And now none can be made any more.
    extraction.goes_down();
    browser.until("document.getElementById('tiles').innerText.includes('open')");
    browser.until("document.querySelector('#health.critical, #health.unhealthy')");
    browser.until("document.getElementById('reasons').innerText.includes('no route to the <b>backend</b>')");
    browser.until("document.getElementById('events-rows').innerText.includes('breaker: closed → open')");
    assert_eq!(browser.run("return document.querySelectorAll('#reasons b').length"), 0, "text is text");
    browser.picture("breaker-open");
    browser.scheme("dark");
    browser.picture("breaker-open-dark");
    browser.has_behaved(&url);
    extraction.end();
    browser.until("document.getElementById('level').innerText.toLowerCase() === 'closed'");
}

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn a_server_that_does_not_answer_is_told_and_found_again() {
    let pool = Pool::builder(Probe::new()).name("kept").max_size(2).build().unwrap();
    let server = serving(&pool);
    let (addr, browser) = (server.addr(), Browser::open());
    browser.go(&server.url());
    browser.until("document.querySelector('#live.on')");
    let note = "document.getElementById('slots-note').innerText";
    browser.until(&format!("{note} === '2 slots'"));
    pool.set_mode(Mode::Mixed { pooled: 30 }).unwrap();
    browser.until(&format!("{note} === '2 slots; 30 % pooled'"));
    server.stop();
    browser.until("!document.getElementById('lost').hidden && document.querySelector('.stale #live.off')");
    assert!(browser.run("return document.getElementById('lost').innerText").as_str().unwrap().contains("trying again"));
    browser.picture("lost");
    let server = Server::bind(addr).unwrap().pool(&pool).start().unwrap();
    browser.until("document.getElementById('lost').hidden && document.querySelector('#live.on')");
    server.stop();
    closes_balanced(&pool);
}

/// Counts the timers that the page has set and that are still to come.
const TIMERS: &str = "window.timers = new Set(); \
    const [begin, end] = [setTimeout, clearTimeout]; \
    window.setTimeout = (what, ...rest) => { const id = begin(() => { timers.delete(id); what(); }, ...rest); timers.add(id); return id; }; \
    window.clearTimeout = id => { timers.delete(id); end(id); };";

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn nothing_is_asked_for_while_the_page_is_hidden_or_paused() {
    let pool = Pool::builder(Probe::new()).max_size(2).build().unwrap();
    let (server, browser) = (serving(&pool), Browser::open());
    browser.command("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": TIMERS }));
    browser.go(&server.url());
    browser.until("document.querySelector('#live.on') && timers.size === 1");
    let turn = |hidden: bool| {
        browser.run(&format!(
            "Object.defineProperty(document, 'hidden', {{ configurable: true, get: () => {hidden} }}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        ))
    };
    turn(true);
    // Whatever was on its way has come, and set no timer.
    browser.until("timers.size === 0 && performance.getEntriesByType('resource').every(each => each.responseEnd > 0)");
    turn(false);
    browser.until("timers.size === 1");
    browser.run("document.getElementById('pause').click()");
    browser.until("timers.size === 0 && document.getElementById('live').innerText === 'paused'");
    browser.run("document.getElementById('pause').click()");
    browser.until("timers.size === 1 && document.querySelector('#live.on')");
    closes_balanced(&pool);
}

/// Feeds the page what a server would say, made up: slots change hands, resources come and go, waits go up and down.
const A_DAY: &str = "
    slackwater.pause(true);
    const spread = n => ({ count: n, sum_seconds: n * .001, mean_seconds: .001, max_seconds: .2, p50_seconds: 1e-5 * (n % 9), p90_seconds: 1e-4, p99_seconds: 1e-3 * (n % 7), p999_seconds: .01 });
    const all = n => Object.fromEntries(['wait', 'hold', 'create', 'check', 'recycle', 'destroy'].map(step => [step, spread(n)]));
    window.said = n => ({ schema: 1, version: 'made up', pools: ['first', 'second'].map(name => ({
      name, state: 'open', at_seconds: n, mode: 'pooled', checkout_timeout_seconds: 5, max_hold_seconds: 60, failed_creations: n % 5,
      health: { level: ['healthy', 'degraded', 'unhealthy', 'critical'][n % 4], score: n % 100, reasons: Array.from({ length: n % 4 }, (_, at) => ({ level: 'degraded', text: 'reason ' + at + ' of look ' + n })) },
      stats: { max_size: 24, total: 24, in_use: n % 24, overflow: 0, utilisation: n % 24 / 24, waiting: n % 11, checkouts: n * 1000, timeouts: n, rejected: n % 3, create_failures: n, destroyed_by: { broken: n, idle: n }, settled: true },
      resources: Array.from({ length: 20 + n % 5 }, (_, slot) => ({ slot, generation: n, state: ['busy', 'ready', 'degraded', 'initializing', 'terminating'][(slot + n) % 5], age_seconds: n, uses: n, errors: 0, failures: 0, idle_seconds: 1, last_check_seconds: 1, weight: n,
        ...((slot + n) % 5 ? {} : { holder: { thread: slot, thread_name: 'thread ' + n, file: 'src/' + slot + '.rs', line: n, held_seconds: n % 100 } }) })),
      oldest_wait_seconds: n % 7, breaker: { state: ['closed', 'open', 'half-open'][n % 3], failures: n, retry_after_seconds: 1 }, hung_jobs: [],
      memory: { total: n, in_use: n, peak: n, budget: 100000, threshold: 80000, gc_count: n, evicted: n },
      latencies: all(n), interval: { seconds: 1.5, latencies: all(n % 50) }, advice: { text: 'size ' + n, size: 24, recommended: 24 },
      transitions: Array.from({ length: 256 }, (_, at) => ({ at_seconds: n - 2 + at / 128, slot: (n + at) % 24, generation: n, from: 'terminating', to: 'terminated', reason: at % 2 ? 'broken' : 'idle', after_seconds: .1 })),
    })) });
    document.getElementById('numbers').open = true;
    window.feed = (from, to) => { for (let n = from; n < to; n++) slackwater.update(said(n), 1e12 + n * 1000); };
";

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn a_day_of_updates_leaves_nothing_behind() {
    const DAY: u32 = 86_400;
    let pool = Pool::builder(Probe::new()).max_size(2).build().unwrap();
    let (server, browser) = (serving(&pool), Browser::open());
    browser.go(&server.url());
    browser.until("document.querySelector('#live.on')");
    browser.run(A_DAY);
    // The first hour fills the rings and makes what rows there will be.
    browser.run("feed(0, 3600)");
    let [heap, nodes, listeners] = browser.remains();
    for quarter in 4..96 {
        browser.run(&format!("feed({}, {})", quarter * DAY / 96, (quarter + 1) * DAY / 96));
    }
    assert_eq!(browser.run("return slackwater.looks()"), 1e12 + f64::from(DAY - 1) * 1e3);
    browser.picture("after-a-day");
    let remains = browser.remains();
    println!("after an hour {:?}, after a day {remains:?}: heap, nodes, listeners", [heap, nodes, listeners]);
    assert!(remains[0] < heap + 256.0 * 1024.0, "the heap grew from {heap} to {}", remains[0]);
    assert_eq!((remains[1], remains[2]), (nodes, listeners));
    closes_balanced(&pool);
}
