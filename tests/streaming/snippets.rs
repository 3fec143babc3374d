//! Small pages, one for each rule of tree construction that makes a page what its tags do not say.

use slackwater::Manager;
use slackwater::extract::{Extractor, NotPlain, Values};

use crate::compared::{Compared, both};

/// Each with why it is not plain; `None` if it is.
const SNIPPETS: &[(&str, Option<NotPlain>)] = &[
    ("<p>a</p>", None),
    ("<p>a", None),
    ("", None),
    ("text alone", None),
    ("<!doctype html><title>t</title><p>x</p>", None),
    ("<html><head><title>t</title></head><body><p>x</p></body></html> \n", None),
    ("<body class=c><a href=x>y</a></body>", None),
    ("<table><tr><td>x</td></tr><tbody><tr><th>y</th></tr></tbody></table>", None),
    ("<table> <!-- c --> <tr> <td>x</td> </tr> </table>", None),
    ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", None),
    ("<dl><dt>a</dt><dd>b</dd></dl>", None),
    ("<b><div>x</div></b><b><b><b><b>y</b></b></b></b>", None),
    ("<select><optgroup><option>a</option></optgroup></select>", None),
    ("<svg viewBox=x><g><path d=z /></g><a href=q>w</a></svg>", None),
    ("<pre>\n\nx</pre><textarea>\ny</textarea><listing>\nz</listing><pre><b>\nq</b></pre>", None),
    ("<script>if (a < b) '</div>'</script><style>a > b {}</style>", None),
    ("<template><p>x</p></template>", None),
    ("<DIV Class=c>x</dIV>", None),
    ("<a href=1 HREF=2>x</a>", None),
    ("<p>a &amp b &notit; &#x80; < c</p>", None),
    ("<x-y><unknown>z</unknown></x-y>", None),
    ("<script><!-- <script></script> --></script>", None),
    ("<title a=><b>x</b></title>", None),
    // Elements that close others.
    ("<p>a<p>b", Some(NotPlain::Implied)),
    ("<p>a<div>b</div>", Some(NotPlain::Implied)),
    ("<p>a<table></table>", Some(NotPlain::Implied)),
    ("<p>a<hr>", Some(NotPlain::Implied)),
    ("<ul><li>a<li>b</ul>", Some(NotPlain::Implied)),
    ("<dl><dt>a<dd>b</dl>", Some(NotPlain::Implied)),
    ("<h1>a<h2>b</h2></h1>", Some(NotPlain::Implied)),
    ("<a>x<a>y</a></a>", Some(NotPlain::Implied)),
    ("<nobr>x<nobr>y</nobr></nobr>", Some(NotPlain::Implied)),
    ("<button>a<button>b</button></button>", Some(NotPlain::Implied)),
    ("<option>a<option>b</option></option>", Some(NotPlain::Implied)),
    ("<select><select></select>", Some(NotPlain::Implied)),
    ("<select><input></select>", Some(NotPlain::Implied)),
    ("<ruby>a<rt>b<rp>c</rp></rt></ruby>", Some(NotPlain::Implied)),
    ("<form><form></form></form>", Some(NotPlain::Implied)),
    // End tags that close other elements, none, or make one.
    ("<b><i>x</b>y</i>", Some(NotPlain::EndTag)),
    ("<a><div>x</a>y</div>", Some(NotPlain::EndTag)),
    ("<div><span>x</div>y", Some(NotPlain::EndTag)),
    ("</p>", Some(NotPlain::EndTag)),
    ("x</br>y", Some(NotPlain::EndTag)),
    ("<div></span></div>", Some(NotPlain::EndTag)),
    ("<h1>x</h2>", Some(NotPlain::EndTag)),
    ("<body></body></body>", Some(NotPlain::EndTag)),
    // Elements that are moved, dropped or renamed.
    ("<table><div>x</div></table>", Some(NotPlain::Misplaced)),
    ("<table><td>x</td></table>", Some(NotPlain::Misplaced)),
    ("<table><col></table>", Some(NotPlain::Misplaced)),
    ("<table><input type=hidden></table>", Some(NotPlain::Misplaced)),
    ("<tr><td>x</td></tr>", Some(NotPlain::Misplaced)),
    ("<image src=x>", Some(NotPlain::Misplaced)),
    ("<html lang=a><body><html lang=b class=c>x", Some(NotPlain::Misplaced)),
    ("<body class=a><body id=b>", Some(NotPlain::Misplaced)),
    ("<div><frame></div>", Some(NotPlain::Misplaced)),
    ("<html><head></head><script></script><body></body></html>", Some(NotPlain::Implied)),
    ("<html><head><div>x</div></head></html>", Some(NotPlain::Implied)),
    ("<body>x</body><p>y</p>", Some(NotPlain::Implied)),
    ("<table>x</table>", Some(NotPlain::Text)),
    ("<table><tr>&nbsp;</tr></table>", Some(NotPlain::Text)),
    ("<html><head>x</head></html>", Some(NotPlain::Text)),
    ("<body></body>x", Some(NotPlain::Text)),
    // Elements with rules of their own.
    ("<frameset><frame></frameset>", Some(NotPlain::Special)),
    ("<plaintext><p>x", Some(NotPlain::Special)),
    ("<math><mi><p>x</p></mi></math>", Some(NotPlain::Special)),
    ("<svg><p>x</p></svg>", Some(NotPlain::Special)),
    ("<svg><foreignObject><p>x</p></foreignObject></svg>", Some(NotPlain::Special)),
    ("<svg><title><b>x</b></title></svg>", Some(NotPlain::Special)),
    ("<svg><linearGradient/></svg>", Some(NotPlain::Special)),
    ("<svg><a xlink:href=x>y</a></svg>", Some(NotPlain::Special)),
    ("<svg><style><b>x</b></style></svg>", Some(NotPlain::Special)),
    ("<svg/>", Some(NotPlain::Special)),
    ("<svg><textarea>\nx</textarea></svg>", Some(NotPlain::Special)),
    ("<svg xml:lang=q>x</svg>", Some(NotPlain::Special)),
    ("<svg xlink:href=q>x</svg>", Some(NotPlain::Special)),
    // Markup.
    ("a\0b", Some(NotPlain::Markup)),
    ("<p>\u{FEFF}x</p>", Some(NotPlain::Markup)),
    ("<![CDATA[x]]>", Some(NotPlain::Markup)),
    ("<?php x ?>", Some(NotPlain::Markup)),
    ("</ x>", Some(NotPlain::Markup)),
    ("<!-- a --!><p>x</p>-->", Some(NotPlain::Markup)),
    ("<!--><p>x</p>-->", Some(NotPlain::Markup)),
    ("<p>x</p><!doctype html>", Some(NotPlain::Markup)),
    // Unfinished.
    ("<p>x</p><a href=", Some(NotPlain::Unfinished)),
    ("<title>x", Some(NotPlain::Unfinished)),
    ("<p>x</p><!-- y", Some(NotPlain::Unfinished)),
    ("<template><p>x</p>", Some(NotPlain::Unfinished)),
];

/// Promise: each rule of tree construction is either kept or noticed, and noticed for what it is. Provoked: a page for each.
#[test]
fn every_rule_is_kept_or_noticed() {
    let mut compared = Compared::new();
    for &(page, why) in SNIPPETS {
        compared.check(page);
        compared
            .check(&format!("<!doctype html><html><head><title>t</title></head><body class=c>{page}</body></html>"));
        let (_, manager) = both(&["links=a@href", "title=title", "p=p"]);
        let Ok(mut extractor) = manager.create();
        extractor.extract(page, &mut Values::new(3));
        let pages = manager.pages();
        let found = pages.fell_back.into_iter().find(|(_, count)| *count > 0).map(|(why, _)| why);
        assert_eq!((found, pages.streamed), (why, u64::from(why.is_none())), "{page}");
    }
}

/// Promise: what a recipe can see decides. Provoked: pages that are plain to one recipe and not to another.
#[test]
fn what_a_recipe_sees_decides_what_is_plain() {
    for (page, field, why) in [
        ("<table><tr><td>x</td></tr></table>", "x=td", None),
        ("<table><tr><td>x</td></tr></table>", "x=table > tr > td", Some(NotPlain::Implied)),
        ("<p>x</p>", "x=p", None),
        ("<p>x</p>", "x=*", Some(NotPlain::Implied)),
        ("<div><template><p>x</p></template></div>", "x=p", None),
        ("<div><template><p>x</p></template></div>", "x=div p", Some(NotPlain::Special)),
        ("<a title='a&amp;b' class=c>x</a>", "x=.c@title", None),
        ("<a title='a&amp;b'>x</a>", "x=[title='a&b']", None),
        ("<body class=c>x</body>", "x=p.c", None),
        ("<body class=c>x</body>", "x=.c", Some(NotPlain::Root)),
        ("<body class=c>x</body>", "x=.c@class", None),
        (&"<div>".repeat(399), "x=div@class", None),
        (&"<div>".repeat(401), "x=div@class", Some(NotPlain::Deep)),
    ] {
        let (dom, manager) = both(&[field]);
        let (Ok(mut tree), Ok(mut tags)) = (dom.create(), manager.create());
        let (mut want, mut have) = (Values::new(1), Values::new(1));
        tree.extract(page, &mut want);
        tags.extract(page, &mut have);
        assert!(want.of(0).eq(have.of(0)), "{page} {field}");
        let pages = manager.pages();
        let found = pages.fell_back.into_iter().find(|(_, count)| *count > 0).map(|(why, _)| why);
        assert_eq!(found, why, "{field} in {}", &page[..page.len().min(100)]);
    }
}
