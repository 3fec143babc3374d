//! Every element the rules know within every other, in each context that has rules of its own.

use slackwater::Manager;
use slackwater::extract::{Extractor, Values};

use crate::compared::both;

const NAMES: &[&str] = &[
    "a",
    "abbr",
    "address",
    "annotation-xml",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "basefont",
    "bgsound",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "center",
    "circle",
    "cite",
    "code",
    "col",
    "colgroup",
    "command",
    "dd",
    "del",
    "desc",
    "details",
    "dfn",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "foreignObject",
    "form",
    "frame",
    "frameset",
    "g",
    "h1",
    "h6",
    "h7",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "image",
    "img",
    "input",
    "ins",
    "isindex",
    "kbd",
    "keygen",
    "label",
    "legend",
    "li",
    "link",
    "listing",
    "main",
    "malignmark",
    "map",
    "mark",
    "marquee",
    "math",
    "menu",
    "menuitem",
    "meta",
    "meter",
    "mglyph",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "nav",
    "nextid",
    "nobr",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "param",
    "path",
    "picture",
    "plaintext",
    "pre",
    "progress",
    "q",
    "rb",
    "rp",
    "rt",
    "rtc",
    "ruby",
    "s",
    "samp",
    "script",
    "search",
    "section",
    "select",
    "selectedcontent",
    "slot",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "text",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "use",
    "var",
    "video",
    "wbr",
    "x-y",
    "xmp",
];
const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input", "keygen",
    "link", "meta", "param", "source", "track", "wbr",
];
const AROUND: &[(&str, &str)] = &[
    ("", ""),
    ("<html id=h lang=en><head><title>t</title></head>\n<body id=y>0", "</body></html>\n"),
    ("<html id=h lang=en><head id=d>", "</head><body id=y>x</body></html>\n"),
    ("<html id=h><head></head><body id=y><svg id=s>", "</svg></body></html>"),
    (
        "<html id=h><head></head><body id=y><table id=t><tbody id=u><tr id=v><td id=w>",
        "</td></tr></tbody></table></body></html>",
    ),
    ("<html id=h><head></head><body id=y><table id=t><tbody id=u>", "</tbody></table></body></html>"),
    ("<html id=h><head></head><body id=y><select id=s>", "</select></body></html>"),
    ("<html id=h><head></head><body id=y><template id=s>", "</template></body></html>"),
    ("<html id=h><head></head><body id=y><ruby id=s>", "</ruby></body></html>"),
];

fn element(name: &str, id: &str, content: &str) -> String {
    match VOID.contains(&name) {
        true => format!("<{name} id={id}>{content}"),
        false => format!("<{name} id={id}>{content}</{name}>"),
    }
}

/// Promise: no element within another is anything but what the tree has. Provoked: each within each, with text at every place,
/// in the page, its head, SVG, tables, `select`, `template` and `ruby`.
#[test]
fn every_name_within_every_other_gives_what_the_tree_gives() {
    let step = if cfg!(debug_assertions) { 37 } else { 1 };
    let pairs = NAMES.iter().flat_map(|outer| NAMES.iter().map(move |inner| (*outer, *inner)));
    let (mut plain, mut seen, mut wrong) = (0, 0, Vec::new());
    for (outer, inner) in pairs.step_by(step) {
        let lower = [outer, inner].map(str::to_ascii_lowercase);
        let [outer_text, inner_text] = &lower;
        let recipes = [
            vec![
                format!("each={outer_text}, {inner_text}"),
                format!("below={outer_text} {inner_text}"),
                format!("ids={inner_text}@id"),
            ],
            vec![
                "all=*@id".to_owned(),
                format!("child={outer_text} > {inner_text}"),
                "nth=:nth-child(2)@id".to_owned(),
                format!("first={inner_text}:first-child@id"),
                "not=:not(b)@id".to_owned(),
            ],
        ];
        for fields in &recipes {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let (dom, streaming) = both(&fields);
            let (Ok(mut tree), Ok(mut tags)) = (dom.create(), streaming.create());
            for (before, behind) in AROUND {
                let inside = element(inner, "k", "\n2");
                let page = format!("{before}{}4{behind}", element(outer, "j", &format!("\n1{inside}3{inside}")));
                let bare = format!("{before}{}{behind}", element(outer, "j", &inside));
                for page in [page, bare] {
                    let (mut want, mut have) = (Values::new(fields.len()), Values::new(fields.len()));
                    tree.extract(&page, &mut want);
                    tags.extract(&page, &mut have);
                    seen += 1;
                    for (n, field) in fields.iter().enumerate() {
                        if !want.of(n).eq(have.of(n)) {
                            let (want, have): (Vec<_>, Vec<_>) = (want.of(n).collect(), have.of(n).collect());
                            wrong.push(format!("{field}: {have:?} for {want:?} in {page:?}"));
                        }
                    }
                }
            }
            plain += streaming.pages().streamed;
        }
    }
    println!("of {seen} pages {plain} without a tree");
    assert!(wrong.is_empty(), "{} differ, such as\n{}", wrong.len(), wrong[..wrong.len().min(30)].join("\n"));
    assert!(plain > seen / 8, "{plain} of {seen}");
}
