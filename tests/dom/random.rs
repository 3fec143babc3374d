//! Pages made of tags by chance, from seeds: a failure names its own.

use crate::compared::Compared;
use crate::sources::Dice;

const TAGS: &[&str] = &[
    "a",
    "b",
    "i",
    "u",
    "p",
    "div",
    "span",
    "table",
    "tbody",
    "thead",
    "tfoot",
    "tr",
    "td",
    "th",
    "caption",
    "col",
    "colgroup",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "form",
    "input",
    "select",
    "option",
    "optgroup",
    "button",
    "svg",
    "math",
    "mi",
    "mtext",
    "annotation-xml",
    "foreignObject",
    "desc",
    "title",
    "template",
    "script",
    "style",
    "textarea",
    "h1",
    "h2",
    "br",
    "hr",
    "img",
    "nobr",
    "font",
    "code",
    "object",
    "marquee",
    "applet",
    "ruby",
    "rt",
    "rp",
    "rb",
    "rtc",
    "frameset",
    "frame",
    "head",
    "body",
    "html",
    "pre",
    "x-y",
    "g",
    "mglyph",
    "noscript",
    "address",
    "center",
    "em",
    "plaintext",
    "image",
    "menu",
    "noframes",
    "iframe",
    "meta",
    "link",
    "base",
    "strong",
    "small",
    "big",
    "section",
];
const ATTRIBUTES: &[&str] = &[
    " class=c",
    " class='c d'",
    " id=i",
    " href=/x",
    " title='&amp;'",
    " color=1",
    " type=hidden",
    " xlink:href=y",
    " viewBox=z",
    " CLASS=e",
    " encoding=text/html",
    "/",
    " a/b",
    " =",
];
const TEXTS: &[&str] = &[
    "x",
    " ",
    "\n",
    "a b",
    "&amp;",
    "&lt",
    "&#10;",
    "\0",
    "\r\n",
    "é",
    "<!-- c -->",
    "<![CDATA[d]]>",
    "</>",
    "<",
    "]]>",
    "&nope",
];

pub fn page(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    // A few tags at a time, so that they meet themselves.
    let tags: Vec<&str> = (0..2 + dice.roll(10)).map(|_| dice.pick(TAGS)).collect();
    let mut page = String::new();
    if dice.roll(2) == 0 {
        page.push_str("<!doctype html>");
    }
    for _ in 0..dice.roll(60) {
        match dice.roll(8) {
            0..4 => {
                page.push('<');
                page.push_str(dice.pick(&tags));
                for _ in 0..dice.roll(3) {
                    page.push_str(dice.pick(ATTRIBUTES));
                }
                page.push('>');
            }
            4..6 => page.extend(["</", dice.pick(&tags), ">"]),
            _ => page.push_str(dice.pick(TEXTS)),
        }
    }
    page
}

/// Promise: whatever a page is made of, it gives what scraper gives. Provoked: random pages; `DOM_SEEDS` says how many and
/// `DOM_FROM` from which.
#[test]
fn random_pages_give_what_scraper_gives() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let from = number("DOM_FROM").unwrap_or(0);
    let seeds = number("DOM_SEEDS").unwrap_or(if cfg!(debug_assertions) { 400 } else { 10_000 });
    let mut compared = Compared::new();
    for seed in from..from + seeds {
        let page = page(seed);
        if let Some(difference) = compared.difference(&page) {
            panic!("seed {seed}: {difference}\nin {page:?}");
        }
    }
}

/// Promise: so do real pages that something has torn. Provoked: pieces of the bundled pages taken out, doubled, put elsewhere and
/// sprinkled with signs.
#[test]
fn torn_pages_give_what_scraper_gives() {
    const SIGNS: &[&str] =
        &["<", ">", "</", "\"", "'", "=", "&", "<!--", "-->", "<table>", "</table>", "<a>", "</div>", "\r", "\0"];
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let from = number("DOM_FROM").unwrap_or(0);
    let seeds = number("DOM_TORN").unwrap_or(if cfg!(debug_assertions) { 20 } else { 400 });
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pages");
    let mut pages: Vec<_> =
        std::fs::read_dir(folder).expect("the bundled pages").flatten().map(|entry| entry.path()).collect();
    pages.retain(|path| path.extension().is_some_and(|ext| ext == "html"));
    pages.sort();
    let pages: Vec<String> = pages.iter().map(|path| std::fs::read_to_string(path).expect("UTF-8")).collect();
    let mut compared = Compared::new();
    for seed in from..from + seeds {
        let mut dice = Dice::new(seed);
        let page = &pages[dice.roll(pages.len())];
        let start = page.floor_char_boundary(dice.roll(page.len()));
        let mut torn = page[start..page.floor_char_boundary(start + 6_000)].to_owned();
        for _ in 0..dice.roll(12) {
            let at = torn.floor_char_boundary(dice.roll(torn.len() + 1));
            let end = torn.floor_char_boundary((at + dice.roll(200)).min(torn.len())).max(at);
            let piece = torn[at..end].to_owned();
            match dice.roll(3) {
                0 => torn.replace_range(at..end, ""),
                1 => torn.insert_str(at, dice.pick(SIGNS)),
                _ => {
                    let to = torn.floor_char_boundary(dice.roll(torn.len() + 1));
                    torn.insert_str(to, &piece);
                }
            }
        }
        if let Some(difference) = compared.difference(&torn) {
            panic!("seed {seed}: {difference}\nin {torn:?}");
        }
    }
}
