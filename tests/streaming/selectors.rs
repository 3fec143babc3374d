//! Attributes and selectors, one by one: small pages on which they may be read in two ways.

use slackwater::Manager;
use slackwater::extract::{Extractor, Values};

use crate::compared::both;

/// Promise: attributes and selectors mean what the tree makes of them. Provoked: names twice, in capitals and with prefixes, values
/// with every white space and case, the root among siblings, lists of which several match.
#[test]
fn attributes_and_selectors_mean_the_same() {
    let pages = [
        "<a href=1 href=2 HREF=3>x</a>",
        "<input type=RADIO><input type=radio><svg><g type=RADIO>x</g></svg>",
        "<p class='a\u{c}b'>x</p><p class='a\u{b}b'>y</p><p class=' a  b\tc\n'>z</p><p class=''>w</p><p class>v</p>",
        "<p lang=en>x</p><p lang=en-GB>y</p><p lang=EN>z</p><p lang=''>w</p><p lang>v</p><p lang=e>u</p>",
        "<svg xml:lang=q>x</svg>",
        "<svg lang=q xml:lang=r>x</svg>",
        "<svg xlink:href=q>x</svg>",
        "<svg xmlns:xlink=q xmlns=r>x</svg>",
        "<svg a=><g>x</g>y</svg>",
        "<svg><textarea>\nx</textarea></svg>",
        "<svg><textarea>&amp;<g>x</g></textarea></svg>",
        "<svg><select><option>1<option>2</select></svg>",
        "<svg><html id=i class=c lang=q>x</html></svg>",
        "<svg><xmp><g>&amp;</g></xmp><noscript><g>&lt;</g></noscript><iframe><g>x</g></iframe></svg>",
        "<svg><input>x</input><link>y</link></svg>",
        "<html id=i class=c lang=en><head><title>t</title></head><body id=j class=d><p>x</p></body></html>",
        "<html id=i><head id=k></head><body id=j><p id=l>x</p><p id=m>y</p>z<a id=n>w</a></body></html>",
        "<!-- c --><!doctype html><!-- d --><html id=i><!-- e --><head id=k></head><body id=j>x</body></html>",
        "<a\"b>x</a\"b><a<b>y</a<b>",
        "<p =x>a</p><p = =y>b</p><p \"=x>c</p><p a=b=c>d</p><p 'a'>e</p><p a='x'b='y'>f</p>",
        "<div a=\">\" b='>'>x</div a='>'>y<p>z</p>",
        "<p/>x</p><a/href=1>y</a><br/><div / class=c / >z</div>",
        "<é>x</é><x\u{e9}>y</x\u{e9}><x\u{c9}>z</x\u{c9}>",
        "<p title='a b'>1</p><p title=a>2</p><p title='ab'>3</p><p title='a-b'>4</p>",
        "<title a= >&lt;b></title><p>x</p>",
        "<textarea a=>\n<b>x</b></textarea>",
        "<pre a=>\nx</pre><pre\n>\ny</pre><PRE>\n\nz</PRE>",
        "<pre>&#10;x</pre><pre>&NewLine;y</pre><pre>&#x0a;\nz</pre><pre><!-- c -->\nw</pre><pre>&\nv</pre>",
        "<select><button>a</button><option>b</option><p>c</p></select><select><div>x</div><hr></select>",
        "<p>a&ampb; &amp;amp; &#0; &#x110000; &#xD800; &#128; &notin; &notin &not in</p>",
        "<a title='&ampb &amp=1 &notin'>x</a><a title=&amp>y</a>",
        "<p>x<!-- a --><!-- b --></p>y<!-- c",
        "<b><b><b><b>x</b></b></b></b><i>y</i>",
        "<object><b>x</b></object><applet><a>y</a></applet><a><object><a>z</a></object></a>",
        "<svg><A>x</A><G>y</g><PATH D=1 /></SVG>z",
        "<p class='\u{e9} a:b 1c' title='a\"b' id=\u{65e5}>x</p><p title=\u{c9} class=\u{c9}>y</p>",
        "<p>a\u{a0}\u{2003} b\u{b} c\u{1}</p>",
    ];
    let sees_least = [
        "href=a@href",
        "cased=[href='2']",
        "first=[href='1']@href",
        "type=[type=RADIO]@type",
        "typed=[type=radio s]@type",
        "insensitive=[type=Radio i]@type",
        "class=p.b",
        "classes=.a.b",
        "word=[class~=b]",
        "none=[class~='a b']",
        "empty=p[class='']",
        "has=p[class]@class",
        "lang=[lang|=en]",
        "lang2=[lang=en]",
        "lang3=[lang='']",
        "langs=[lang]@lang",
        "svglang=svg@lang",
        "svghref=svg@href",
        "g=g",
        "textarea=textarea",
        "pre=pre",
        "title=title",
        "p=p",
        "a=a",
        "div=div",
        "div2=.c",
        "starts=[title^=a]",
        "ends=[title$=b]",
        "within=[title*='a']",
        "titles=p@title",
        "b=b, i",
        "list=a, [href], .c, #i, p",
        "option=option, select, button",
        "xmp=xmp, noscript, iframe",
        "link=input, link",
        "svg=svg",
        "odd=p@a",
        "odder=p@b",
        "eq=[a='b=c']",
        "td=td",
        "hr=hr",
        "svgp=path@d",
        "quoted=[b]@b",
        "accent=.\u{e9}",
        "escaped=.a\\:b",
        "digit=.\\31 c",
        "sign=[title='a\"b']",
        "day=#\u{65e5}",
        "cap=[title=\u{c9} i]",
    ];
    let sees_all = [
        "all=*@id",
        "first=:first-child@id",
        "nth=:nth-child(-n+2)@id",
        "zero=:nth-child(0)@id",
        "even=:nth-child(even)@id",
        "not=:not(p)@id",
        "nots=:not(:first-child)@id",
        "any=:not(*)@id",
        "noclass=:not([class])@id",
        "child=body > p",
        "children=html > *@id",
        "lang=html@lang",
        "prefix=*|p",
        "not2=p:not([title~=a], .c)",
        "hid=#i@id",
        "spaced=html body p",
        "svgs=svg > *",
        "texts=g",
        "classes=*@class",
        "langs=*@lang",
        "next=p + p",
        "nexts=* + *@id",
        "later=p ~ *@id",
        "svgnext=g + g, svg ~ p",
        "is=:is(p, [class]):not(.c[id])@id",
        "where=:where(div, body) > :is(p, a)",
        "root=:root",
        "below=:root > *@id",
        "nothing=[class^=''], [title$=''], [id*='']",
        "twice=p:not(:not([title]))",
    ];
    let mut wrong = Vec::new();
    for fields in [&sees_least[..], &sees_all[..]] {
        let (dom, streaming) = both(fields);
        let (Ok(mut tree), Ok(mut tags)) = (dom.create(), streaming.create());
        for page in pages {
            for page in [page.to_owned(), format!("<html id=h><head></head><body id=z>{page}</body></html>")] {
                let (mut want, mut have) = (Values::new(fields.len()), Values::new(fields.len()));
                tree.extract(&page, &mut want);
                tags.extract(&page, &mut have);
                for (n, field) in fields.iter().enumerate() {
                    if !want.of(n).eq(have.of(n)) {
                        let (want, have): (Vec<_>, Vec<_>) = (want.of(n).collect(), have.of(n).collect());
                        wrong.push(format!("{field}: {have:?} for {want:?} in {page:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
