//! The page on other screens, and without a mouse.

use crate::driver::Browser;
use crate::serving;
use crate::support::{Probe, closes_balanced};
use slackwater::http::Server;
use slackwater::{Checkout, Pool};
use std::thread;

/// Checks out by a thread of that name.
fn held_by<'p>(pool: &'p Pool<Probe>, name: &str) -> Checkout<'p, Probe> {
    thread::scope(|scope| {
        let hold = || pool.checkout().unwrap();
        thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, hold).unwrap().join().unwrap()
    })
}

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn the_keyboard_and_the_pointer_both_find_who_holds_a_slot() {
    let pool = Pool::builder(Probe::new()).name("held").max_size(40).build().unwrap();
    let held: Vec<_> = (0..40).map(|_| pool.checkout().unwrap()).collect();
    let line = line!() - 1;
    let (server, browser) = (serving(&pool), Browser::open());
    browser.go(&server.url());
    browser.until("document.querySelectorAll('#cells .busy').length === 40");
    // From the top of the page, by nothing but Tab.
    for _ in 0..30 {
        browser.press("Tab");
        if browser.run("return document.activeElement.matches('#cells > .cell')") == true {
            break;
        }
    }
    let active = "return Number(document.activeElement.dataset.at)";
    assert_eq!(browser.run(active), 0);
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    assert_eq!(browser.run(active), 2);
    let ring = "const style = getComputedStyle(document.activeElement); return style.outlineStyle + parseInt(style.outlineWidth)";
    assert_eq!(browser.run(ring), "solid3", "one sees where one is");
    let place = format!("forms.rs:{line}");
    browser.until(&format!("document.getElementById('detail').innerText.includes('{place}')"));
    let label = browser.run("return document.activeElement.getAttribute('aria-label')");
    assert!(label.as_str().unwrap().starts_with("slot 2: busy, held for"), "{label}");
    browser.press("ArrowDown");
    let columns =
        browser.run("return getComputedStyle(document.getElementById('cells')).gridTemplateColumns.split(' ').length");
    let last = columns.as_u64().unwrap() + 2;
    assert_eq!(browser.run(active), last.min(39));
    browser.press("End");
    assert_eq!(browser.run(active), 39);
    assert_eq!(browser.run("return document.querySelectorAll('#cells .cell[tabindex=\"0\"]').length"), 1);
    browser.point_at("#cells > .cell:nth-child(4)");
    browser.until("document.getElementById('detail-1').innerText.startsWith('Slot 3,')");
    browser.has_behaved(&server.url());
    drop(held);
    closes_balanced(&pool);
}

/// The contrast of what is written on what, by the formula of WCAG 2: 4.5 is enough.
const CONTRASTS: &str = "
    const light = text => { const of = Number(text) / 255; return of <= .04045 ? of / 12.92 : ((of + .055) / 1.055) ** 2.4; };
    const sum = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(light); return .2126 * r + .7152 * g + .0722 * b; };
    const behind = node => { const its = getComputedStyle(node).backgroundColor; return its !== 'rgba(0, 0, 0, 0)' || !node.parentElement ? its : behind(node.parentElement); };
    return ['body', '#level', '#score', '#live', '.note', '.what', 'th', 'td', '#events-rows time', '#events-rows span', '.cell.busy', '.cell.ready', '#detail', 'h3', 'figcaption span'].map(which => {
      const node = document.querySelector(which), [one, other] = [sum(getComputedStyle(node).color), sum(behind(node))];
      return [which, (Math.max(one, other) + .05) / (Math.min(one, other) + .05)];
    }).filter(([, contrast]) => !(contrast >= 4.5));
";

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn it_fits_a_phone_and_can_be_read_in_light_and_in_dark() {
    let long = "a-name-of-64-letters-is-wider-than-a-phone-is-and-has-no-spaces.";
    let pool = Pool::builder(Probe::new()).name(long).max_size(30).build().unwrap();
    let other = Pool::builder(Probe::new()).name("other").max_size(2).build().unwrap();
    let server = Server::bind("127.0.0.1:0").unwrap().pool(&pool).pool(&other).start().unwrap();
    let held: Vec<_> = (0..3).map(|_| held_by(&pool, "a thread with a rather long name")).collect();
    drop(pool.checkout().unwrap());
    let browser = Browser::open();
    browser.size(375, 812);
    browser.go(&server.url());
    browser.until("document.querySelectorAll('#cells .busy').length === 3 && document.querySelector('#cells .ready')");
    browser.run("document.querySelector('#cells .busy').focus()");
    let mut backs = Vec::new();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme);
        browser.until("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= 375");
        let wider = browser.run(
            "return [...document.querySelectorAll('main *, header *')].filter(each => each.offsetParent \
             && each.getBoundingClientRect().right > 375.5).map(each => each.id || each.className)",
        );
        assert_eq!(wider.as_array().map(Vec::len), Some(0), "{wider}");
        let pale = browser.run(CONTRASTS);
        assert_eq!(pale.as_array().map(Vec::len), Some(0), "{scheme}: {pale}");
        backs.push(browser.run("return getComputedStyle(document.body).backgroundColor"));
        browser.picture(&format!("phone-{scheme}"));
    }
    assert_ne!(backs[0], backs[1]);
    browser.run("document.getElementById('tab-1').click()");
    browser.until("document.getElementById('pool-name').innerText === 'other'");
    browser.has_behaved(&server.url());
    drop(held);
    [pool, other].iter().for_each(closes_balanced);
}

#[test]
#[ignore = "needs Chromium: .ci/run page"]
fn a_pool_of_4096_slots_is_shown_in_a_few_hundred_cells_that_name_holders() {
    let pool = Pool::builder(Probe::new()).name("large").max_size(4096).build().unwrap();
    let held: Vec<_> = (0..3000).map(|_| pool.checkout().unwrap()).collect();
    let (server, browser) = (serving(&pool), Browser::open());
    browser.go(&server.url());
    browser.until("document.querySelector('#legend b').innerText === '3,000'");
    assert_eq!(browser.run("return document.querySelectorAll('#cells .cell').length"), 256);
    browser.run("document.querySelector('#cells .busy').focus()");
    browser.until("document.getElementById('detail').innerText.includes('forms.rs')");
    browser.picture("large");
    browser.has_behaved(&server.url());
    drop(held);
    closes_balanced(&pool);
}
