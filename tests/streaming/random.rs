//! Pages made by chance, from seeds: mostly sound, with a mistake here and there, so that many are plain and many are not.

use crate::compared::Compared;
use crate::sources::Dice;

const TAGS: &[&str] = &[
    "a",
    "b",
    "i",
    "p",
    "div",
    "span",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "tbody",
    "thead",
    "tr",
    "td",
    "th",
    "caption",
    "col",
    "colgroup",
    "form",
    "input",
    "select",
    "option",
    "optgroup",
    "button",
    "svg",
    "g",
    "path",
    "math",
    "mi",
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
    "ruby",
    "rt",
    "rp",
    "frameset",
    "head",
    "body",
    "html",
    "pre",
    "x-y",
    "noscript",
    "em",
    "plaintext",
    "image",
    "meta",
    "link",
    "section",
    "iframe",
    "xmp",
    "listing",
    "marquee",
    "linearGradient",
    "label",
    "video",
    "source",
    "param",
    "embed",
    "rb",
    "rtc",
    "menu",
    "main",
    "dialog",
];
const VOID: &[&str] = &["input", "br", "hr", "img", "meta", "link", "col", "source", "param", "embed"];
const ATTRIBUTES: &[&str] = &[
    " class=c",
    " class='c d'",
    " id=i",
    " href=/x",
    " href='/a?b&amp;c'",
    " title='&lt;&notit;&amp'",
    " type=hidden",
    " xlink:href=y",
    " viewBox=z",
    " CLASS=e",
    " src=\"a\nb\"",
    "/",
    " a/b",
    " =",
    " href=1 href=2",
    " class='\n&#99; d'",
    " lang",
    " alt=",
    " xml:lang=q",
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
    "<!---->",
    "<![CDATA[d]]>",
    "</>",
    "<",
    "]]>",
    "&nope",
    "a < b",
    "&am",
    "p;",
    "<!-->",
    "<!-- a --!>",
    "<?x>",
    "\u{FEFF}",
    "&#x41;z",
];

/// Tags that are closed where they ought to be, unless the dice say otherwise: once in `faults` times.
fn content(dice: &mut Dice, tags: &[&str], faults: usize, depth: usize, page: &mut String) {
    for _ in 0..dice.roll(5) {
        if dice.roll(3) == 0 || depth == 0 {
            // The first few are harmless.
            let texts = if dice.roll(faults) == 0 { TEXTS } else { &TEXTS[..5] };
            page.push_str(dice.pick(texts));
            continue;
        }
        let tag = dice.pick(tags);
        page.push('<');
        page.push_str(tag);
        for _ in 0..dice.roll(3) {
            page.push_str(dice.pick(ATTRIBUTES));
        }
        page.push('>');
        if VOID.contains(&tag) && dice.roll(faults) > 0 {
            continue;
        }
        match tag {
            "table" if dice.roll(faults) > 0 => {
                content(dice, &["tr", "tbody", "thead", "caption", "colgroup"], faults, depth - 1, page);
            }
            "tbody" | "thead" if dice.roll(faults) > 0 => content(dice, &["tr"], faults, depth - 1, page),
            "tr" if dice.roll(faults) > 0 => content(dice, &["td", "th"], faults, depth - 1, page),
            "svg" if dice.roll(faults) > 0 => content(dice, &["g", "path", "a", "x-y"], faults, depth - 1, page),
            "script" | "style" | "title" | "textarea" | "xmp" | "iframe" | "noscript" => {
                page.push_str(dice.pick(TEXTS))
            }
            _ => content(dice, tags, faults, depth - 1, page),
        }
        match dice.roll(faults) {
            0 if dice.roll(2) == 0 => {}
            0 => page.extend(["</", dice.pick(tags), ">"]),
            _ => page.extend(["</", tag, ">"]),
        }
    }
}

pub fn page(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let tags: Vec<&str> = (0..2 + dice.roll(10)).map(|_| dice.pick(TAGS)).collect();
    let faults = [2, 10, 60, 1000][dice.roll(4)];
    let mut page = String::new();
    if dice.roll(2) == 0 {
        page.push_str("<!doctype html>\n");
    }
    if dice.roll(2) == 0 {
        page.push_str("<html lang=en><head>");
        content(&mut dice, &["title", "meta", "script"], faults, 2, &mut page);
        page.push_str("</head>\n<body class=c>");
        content(&mut dice, &tags, faults, 7, &mut page);
        page.push_str("</body></html>\n");
    } else {
        content(&mut dice, &tags, faults, 7, &mut page);
    }
    page
}

/// Promise: whatever a page is made of, it gives what the tree gives. Provoked: random pages; `DOM_SEEDS` says how many and
/// `DOM_FROM` from which.
#[test]
fn random_pages_give_what_the_tree_gives() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let from = number("DOM_FROM").unwrap_or(0);
    let seeds = number("DOM_SEEDS").unwrap_or(if cfg!(debug_assertions) { 4_000 } else { 60_000 });
    let mut compared = Compared::new();
    for seed in from..from + seeds {
        let page = page(seed);
        if let Some(difference) = compared.difference(&page) {
            panic!("seed {seed}: {difference}\nin {page:?}");
        }
    }
    let (streamed, all_seen, why) = compared.streamed();
    println!("of {seeds} pages {streamed} and {all_seen} without a tree, others for {why:?}");
    assert!(streamed > seeds / 6 && all_seen > seeds / 12, "too few are plain: {streamed}, {all_seen}, {why:?}");
}
