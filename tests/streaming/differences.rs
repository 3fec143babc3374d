//! Where tags alone have another answer than the tree: one page for each class that `docs/extract.md` names. And where they might, and have not.

use slackwater::Manager;
use slackwater::extract::{CssField, CssManager, Extractor, StreamingManager, Values};

fn answers<M: Manager>(manager: &M, page: &str) -> Vec<String>
where
    M::Resource: Extractor,
{
    let Ok(mut extractor) = manager.create() else { panic!("it can always be made") };
    let mut values = Values::new(1);
    extractor.extract(page, &mut values);
    values.of(0).map(str::to_owned).collect()
}

/// Fails unless the tree gives `tree`, and tags alone `tags`.
fn pinned(page: &str, field: &str, tree: &[&str], tags: &[&str]) {
    let field = CssField::parse(&format!("x={field}")).expect("sound");
    let unwatched = StreamingManager::unwatched([(0, field.clone())]).expect("it asks for tags only");
    assert_eq!(answers(&CssManager::new([(0, field)]), page), tree, "the tree, {page}");
    assert_eq!(answers(&unwatched, page), tags, "tags, {page}");
}

#[test]
fn elements_without_end_tags_go_on() {
    pinned("<p>a<p>b", "p", &["a", "b"], &["ab", "b"]);
    pinned("<ul><li>a<li>b</ul>", "li", &["a", "b"], &["ab", "b"]);
    pinned("<p>a<div>b</div>c", "p", &["a"], &["abc"]);
}

#[test]
fn elements_that_are_left_out_are_missing() {
    pinned("<p>x</p>", "body", &["x"], &[]);
    pinned("<table><tr><td>x</td></tr></table>", "table > tbody", &["x"], &[]);
    pinned("<table><tr><td>x</td></tr></table>", "table > tr", &[], &["x"]);
    pinned("<div></p></div>", "p", &[""], &[]);
}

#[test]
fn misnested_formatting_is_not_repeated() {
    pinned("<b>1<p>2</b>3</p>", "b", &["1", "2"], &["12"]);
    pinned("<a href=x>1<a href=y>2</a>", "a", &["1", "2"], &["12", "2"]);
}

#[test]
fn what_tables_may_not_hold_stays_in_them() {
    pinned("<table><tr><td>x</td></tr>y</table>", "table", &["x"], &["xy"]);
    pinned("<table><div>x</div></table>", "table div", &[], &["x"]);
}

#[test]
fn elements_the_tree_drops_or_renames_are_there() {
    pinned("<div><tr>x</tr></div>", "tr", &[], &["x"]);
    pinned("<image src=x>", "image@src", &[], &["x"]);
    pinned("<image src=x>", "img@src", &["x"], &[]);
    pinned("<form id=a><form id=b></form>", "form@id", &["a"], &["a", "b"]);
    pinned("<html lang=a><body><html lang=b>", "html@lang", &["a"], &["a", "b"]);
    pinned("<frameset><p id=a></p></frameset>", "p@id", &[], &["a"]);
}

#[test]
fn a_templates_content_is_below_what_is_around_it() {
    pinned("<div><template><p>x</p></template></div>", "div p", &[], &["x"]);
}

#[test]
fn names_in_svg_are_lower_case_and_without_name_space() {
    pinned("<svg><linearGradient id=x /></svg>", "lineargradient@id", &[], &["x"]);
    pinned("<svg><a xlink:href=x>y</a></svg>", "a@href", &["x"], &[]);
}

#[test]
fn selectors_see_attributes_as_the_tree_does() {
    pinned("<a title='a&amp;b'>x</a>", "[title='a&b']", &["x"], &["x"]);
    pinned("<a title='a&amp;b'>x</a>", "[title='a&amp;b']", &[], &[]);
    pinned("<a class='c&#32;d'>x</a>", ".d", &["x"], &["x"]);
    pinned("<a title='a&amp;b'>x</a>", "a@title", &["a&b"], &["a&b"]);
}

#[test]
fn html_within_svg_ends_it() {
    pinned("<svg><g><p>x</p></svg>y", "svg p", &[], &[]);
    pinned("<svg><g><p>x</p></svg>y", "svg", &[""], &[""]);
    pinned("<svg><foreignObject><p>x</p></foreignObject></svg>", "svg p", &["x"], &["x"]);
    pinned("<svg><title><b>x</b></title></svg>", "title b", &["x"], &["x"]);
    pinned("<svg><![CDATA[x<b>]]></svg>", "svg", &["x<b>"], &["x<b>"]);
}

#[test]
fn white_space_around_head_and_body_stays_where_it_is() {
    pinned("<html>\n<head></head><body>x</body>\n</html>", "body", &["x\n"], &["x"]);
    pinned("<html>\n<head></head><body>x</body>\n</html>", "html", &["x\n"], &["\nx\n"]);
}

#[test]
fn nuls_and_marks_stay() {
    pinned("<p>a\0b</p>", "p", &["ab"], &["a\0b"]);
    pinned("\u{FEFF}<p>a</p>", "p", &["a"], &["a"]);
}

#[test]
fn text_after_an_attribute_without_value_is_text() {
    pinned("<title a=><b>x</b></title>", "title", &["<b>x</b>"], &["<b>x</b>"]);
}

#[test]
fn a_script_ends_where_it_does_in_the_tree() {
    pinned(
        "<script><!-- <script></script> --></script>x",
        "script",
        &["<!-- <script></script> -->"],
        &["<!-- <script></script> -->"],
    );
}
