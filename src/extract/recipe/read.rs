//! From what a file says to the fields it means. Whatever is wrong is noted, and reading goes on.

use std::sync::Arc;

use regex::Regex;

use crate::document::{FileErrors, Key, Mistake, Node, Value, nearest};
use crate::extract::dom::Selector;
use crate::extract::field;
use crate::extract::what::{From, Html, Member, Over, Record, Take, Text, What};

/// Records within records. Each level is a level of recursion where pages are extracted.
const MOST_LEVELS: usize = 8;

const FIELD: &str = "a field is a table, such as [fields.title] with css = \"title\"";
/// Fields that may search each other in a row: whoever needs more has made a mistake, and each takes its part of the stack.
const LONGEST: usize = 16;

const KEYS: [&str; 9] = ["css", "regex", "attribute", "text", "html", "take", "required", "over", "fields"];

/// The fields of a file, in its order.
/// # Errors
/// All that is wrong with it.
pub(super) fn read(text: &str, (document, mistakes): (Node, Vec<Mistake>)) -> Result<Vec<Member>, FileErrors> {
    let mut reader = Reader { text: text.into(), mistakes: Vec::new() };
    let unreadable = !mistakes.is_empty();
    mistakes.into_iter().for_each(|mistake| reader.mistakes.push(mistake.of(&reader.text)));
    // What the parser stumbled over is not worth a second mistake for what it could not see.
    let fields = reader.document(&document, unreadable);
    match reader.mistakes.is_empty() {
        true => Ok(fields),
        false => Err(FileErrors::new(reader.mistakes)),
    }
}

struct Reader {
    text: Arc<str>,
    mistakes: Vec<Mistake>,
}

/// Where a table of fields stands.
#[derive(Clone, Copy)]
struct Within<'a> {
    /// The names around it, each with a dot after it.
    path: &'a str,
    level: usize,
}

impl Reader {
    fn mistake(&mut self, at: usize, what: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(Mistake::new("", 0, what, hint).placed(at).of(&self.text));
    }

    fn unknown(&mut self, key: &Key, kind: &str, known: &[&str]) {
        let hint = match nearest(&key.text, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("there is {}", in_words(known)),
        };
        self.mistake(key.at, format!("{kind} {:?} means nothing here", key.text), hint);
    }

    fn document(&mut self, document: &Node, unreadable: bool) -> Vec<Member> {
        const EMPTY: &str = "a recipe has at least one field, such as [fields.title] with css = \"title\"";
        let Value::Table(entries) = &document.value else {
            let what = format!("a recipe is a table with \"fields\" in it, and this is {}", document.kind());
            self.mistake(document.at.start, what, EMPTY);
            return Vec::new();
        };
        let mut fields = None;
        for (key, node) in entries {
            match key.text.as_str() {
                "fields" => fields = Some(self.fields(node, Within { path: "", level: 0 })),
                _ => self.unknown(key, "the key", &["fields"]),
            }
        }
        if fields.is_none() && !unreadable {
            self.mistake(0, "there are no \"fields\"", EMPTY);
        }
        fields.unwrap_or_default()
    }

    fn fields(&mut self, node: &Node, within: Within<'_>) -> Vec<Member> {
        let Value::Table(entries) = &node.value else {
            self.mistake(node.at.start, format!("\"fields\" is a table of fields, and this is {}", node.kind()), FIELD);
            return Vec::new();
        };
        if entries.is_empty() {
            self.mistake(node.at.start, "\"fields\" is empty", FIELD);
        }
        if within.level > MOST_LEVELS {
            let what = format!("records stand more than {MOST_LEVELS} deep in each other");
            self.mistake(
                node.at.start,
                what,
                "take the deepest ones with html = \"outer\", or in a recipe of their own",
            );
            return Vec::new();
        }
        let names: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
        let mut members = Vec::new();
        let mut overs = Vec::new();
        for (key, node) in entries {
            let sound = !key.text.is_empty() && key.text.chars().all(field::belongs_in_name);
            if !sound {
                let what = format!("{:?} cannot be a field's name", key.text);
                self.mistake(key.at, what, "a name is made of letters, digits, '_', '-' and '.'");
            }
            if let Some((member, over)) = self.field(key, node, &names, within) {
                overs.extend(over.map(|(over, at)| (members.len(), over, at)));
                members.push(member);
            } else {
                // The others are found by their place.
                members.push(Member { name: key.text.clone(), required: None, take: Take::All, from: placeholder() });
            }
        }
        self.cycles(&members, &overs, &names);
        members
    }

    /// One field, and where its `over` stands if it names another field.
    fn field(
        &mut self,
        key: &Key,
        node: &Node,
        names: &[&str],
        within: Within<'_>,
    ) -> Option<(Member, Option<(usize, usize)>)> {
        let Value::Table(entries) = &node.value else {
            self.mistake(node.at.start, format!("the field {:?} is {}", key.text, node.kind()), FIELD);
            return None;
        };
        let path = format!("{}{}", within.path, key.text);
        let mut given = Given::default();
        for (key, node) in entries {
            let place = Place { key: key.at, node };
            match key.text.as_str() {
                "css" => given.css = self.string(key, node).map(|text| (text, place)),
                "regex" => given.regex = self.string(key, node).map(|text| (text, place)),
                "attribute" => given.attribute = self.string(key, node).map(|text| (text, place)),
                "text" => given.text = Some((self.word(key, node, &TEXTS), place)),
                "html" => given.html = Some((self.word(key, node, &HTMLS), place)),
                "take" => given.take = Some((self.word(key, node, &TAKES), place)),
                "over" => given.over = self.string(key, node).map(|text| (text, place)),
                "required" => match node.value {
                    Value::Flag(flag) => given.required = flag,
                    _ => self.mistake(node.at.start, "\"required\" is true or false", "write required = true"),
                },
                "fields" => {
                    let within = Within { path: &format!("{path}."), level: within.level + 1 };
                    given.fields = Some((self.fields(node, within), place));
                }
                _ => {
                    given.is_any |= matches!(nearest(&key.text, KEYS), Some("css" | "regex"));
                    self.unknown(key, "the key", &KEYS);
                }
            }
            given.is_any |= ["css", "regex"].contains(&key.text.as_str());
        }
        let required = given.required.then(|| path.as_str().into());
        let take = given.take.and_then(|(take, _)| take).unwrap_or_default();
        let (from, over) = match (&given.css, &given.regex) {
            (Some(_), Some((_, at))) => {
                let what = format!("the field {path:?} has both \"css\" and \"regex\"");
                let hint =
                    "make two fields of it; with over = \"fields.NAME\" a pattern searches what another field has";
                self.mistake(at.key, what, hint);
                return None;
            }
            (None, None) if given.is_any => return None,
            (None, None) => {
                let what = format!("the field {path:?} has neither \"css\" nor \"regex\"");
                self.mistake(key.at, what, "say where its values come from, such as css = \"h1\"");
                return None;
            }
            (Some((selector, at)), None) => (self.css(selector, *at, &given)?, None),
            (None, Some((pattern, at))) => self.regex(pattern, *at, &given, names, within)?,
        };
        Some((Member { name: key.text.clone(), required, take, from }, over))
    }

    fn css(&mut self, text: &str, at: Place<'_>, given: &Given<'_>) -> Option<From> {
        if let Some((_, over)) = &given.over {
            self.mistake(over.key, "\"over\" is for patterns", "a selector always searches the page, or the record");
        }
        let kinds = [
            ("text", given.text.as_ref().map(|(_, at)| at.key)),
            ("attribute", given.attribute.as_ref().map(|(_, at)| at.key)),
            ("html", given.html.as_ref().map(|(_, at)| at.key)),
            ("fields", given.fields.as_ref().map(|(_, at)| at.key)),
        ];
        let mut kinds: Vec<_> = kinds.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
        kinds.sort_by_key(|(_, at)| *at);
        if let [(first, _), rest @ ..] = kinds.as_slice() {
            for (name, at) in rest {
                let what = format!("{name:?} and {first:?} do not go together");
                self.mistake(*at, what, "a field takes one thing of an element; make two fields of it");
            }
        }
        let what = if let Some((record, _)) = &given.fields {
            What::Record(Record::new(record.clone()))
        } else if let Some((html, _)) = given.html {
            What::Html(html?)
        } else if let Some((attribute, at)) = &given.attribute {
            if let Err(mistake) = field::check_attribute(attribute) {
                let place = at.node.place_of(&self.text, attribute, mistake.offset());
                self.mistake(place, mistake.what(), "write the attribute's name, such as attribute = \"href\"");
            }
            What::Attribute((*attribute).to_owned())
        } else {
            What::Text(given.text.map_or(Some(Text::Raw), |(text, _)| text)?)
        };
        match field::parse_selector(text) {
            Ok(selector) => Some(From::Css(selector, what)),
            Err(mistake) => {
                let place = at.node.place_of(&self.text, text, mistake.offset());
                let hint = match field::attribute_sign(text) {
                    Some(_) => "in a recipe the attribute has a line of its own: attribute = \"href\"",
                    None => mistake.hint(),
                };
                self.mistake(place, mistake.what(), hint);
                None
            }
        }
    }

    fn regex(
        &mut self,
        text: &str,
        at: Place<'_>,
        given: &Given<'_>,
        names: &[&str],
        within: Within<'_>,
    ) -> Option<(From, Option<(usize, usize)>)> {
        for (name, place) in [
            ("text", given.text.as_ref().map(|(_, at)| at.key)),
            ("attribute", given.attribute.as_ref().map(|(_, at)| at.key)),
            ("html", given.html.as_ref().map(|(_, at)| at.key)),
            ("fields", given.fields.as_ref().map(|(_, at)| at.key)),
        ] {
            if let Some(place) = place {
                let what = format!("{name:?} is for selectors, and this field has a pattern");
                let hint = match name {
                    "fields" => "a pattern makes records by named groups: (?<year>\\d{4})",
                    _ => "leave it out; a pattern takes what its group 1 matches, or all of it",
                };
                self.mistake(place, what, hint);
            }
        }
        let over = self.over(given, names, within, at.key);
        let regex = match Regex::new(text) {
            Ok(regex) => regex,
            Err(error) => {
                let mistake = field::pattern_mistake(text, &error);
                let place = at.node.place_of(&self.text, text, mistake.offset());
                self.mistake(place, mistake.what(), mistake.hint());
                return None;
            }
        };
        let named = regex.capture_names().flatten().count();
        if named > 0 && named + 1 < regex.captures_len() {
            let what = "the pattern has groups with a name and groups without one";
            let hint = "name them all for records, (?<year>...), or make those that only group (?:...)";
            self.mistake(at.node.at.start, what, hint);
        }
        let (over, at) = over?;
        let field = if let Over::Field(index) = over { Some((index, at)) } else { None };
        Some((From::Regex(regex, over), field))
    }

    /// What a pattern searches, and where that stands.
    fn over(&mut self, given: &Given<'_>, names: &[&str], within: Within<'_>, pattern: usize) -> Option<(Over, usize)> {
        const IN_RECORD: &str = "write over = \"text\" for the text of the record's element, or \"fields.NAME\" for a field beside \
                                 this one";
        let Some((over, place)) = &given.over else {
            if within.level > 0 {
                self.mistake(pattern, "a pattern in a record needs \"over\": a record has no source", IN_RECORD);
                return None;
            }
            return Some((Over::Source, 0));
        };
        let at = place.node.at.start;
        match *over {
            "source" if within.level > 0 => self.mistake(at, "a record has no source", IN_RECORD),
            "source" => return Some((Over::Source, at)),
            "text" => return Some((Over::Text, at)),
            _ => match over.strip_prefix("fields.") {
                Some(name) => match names.iter().position(|have| *have == name) {
                    Some(index) => return Some((Over::Field(index), at)),
                    None => {
                        let hint = match nearest(name, names.iter().copied()) {
                            Some(meant) => format!("did you mean \"fields.{meant}\"?"),
                            None => "a field is named as it stands beside this one, in the same table".to_owned(),
                        };
                        self.mistake(at, format!("there is no field {name:?} here"), hint);
                    }
                },
                None => {
                    let hint = match nearest(over, ["source", "text"]) {
                        Some(meant) => format!("did you mean {meant:?}?"),
                        None => "there is \"source\", \"text\" and \"fields.NAME\"".to_owned(),
                    };
                    self.mistake(at, format!("nothing can be searched that is called {over:?}"), hint);
                }
            },
        }
        None
    }

    /// Fields that search each other in a circle, and those that search what is no text.
    fn cycles(&mut self, members: &[Member], overs: &[(usize, usize, usize)], names: &[&str]) {
        let mut next = vec![None; members.len()];
        overs.iter().for_each(|&(from, over, _)| next[from] = Some(over));
        let mut told = false;
        for &(from, over, at) in overs {
            if let Some(searched) = members.get(over).filter(|_| from != over) {
                if searched.is_json() {
                    let what = format!("the field {:?} has records, and a pattern searches text", names[over]);
                    self.mistake(at, what, "search a field with text; a record can have patterns of its own");
                } else if searched.take == Take::Count {
                    let what = format!("the field {:?} is a count, and a pattern searches text", names[over]);
                    self.mistake(at, what, "search a field that has no take = \"count\"");
                }
            }
            let mut circle = vec![from];
            while let Some(&Some(field)) = next.get(circle[circle.len() - 1]) {
                if field == from {
                    // Told once, by the first of them.
                    if circle.iter().all(|field| from <= *field) {
                        let way: Vec<&str> = circle.iter().chain([&from]).map(|field| names[*field]).collect();
                        let what = format!("these fields search each other in a circle: {}", way.join(", "));
                        self.mistake(at, what, "let one of them search the \"source\" or the \"text\"");
                    }
                    break;
                }
                // Into a circle that is told of by those in it.
                if circle.contains(&field) {
                    break;
                }
                circle.push(field);
                if circle.len() > LONGEST {
                    if !std::mem::replace(&mut told, true) {
                        let what = format!("more than {LONGEST} fields search each other in a row");
                        self.mistake(at, what, "let one pattern do the work of several");
                    }
                    break;
                }
            }
        }
    }

    fn string<'n>(&mut self, key: &Key, node: &'n Node) -> Option<&'n str> {
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        self.mistake(
            node.at.start,
            format!("{:?} is a string, and this is {}", key.text, node.kind()),
            "put it in quotes",
        );
        None
    }

    /// One of a few words.
    fn word<T: Copy>(&mut self, key: &Key, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(key, node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = match nearest(text, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("there is {}", in_words(&known)),
            };
            self.mistake(node.at.start, format!("{text:?} means nothing for {:?}", key.text), hint);
        }
        found.map(|(_, meaning)| *meaning)
    }
}

const TEXTS: [(&str, Text); 3] = [("raw", Text::Raw), ("trimmed", Text::Trimmed), ("normalised", Text::Normalised)];
const HTMLS: [(&str, Html); 2] = [("inner", Html::Inner), ("outer", Html::Outer)];
const TAKES: [(&str, Take); 3] = [("all", Take::All), ("first", Take::First), ("count", Take::Count)];

/// Where a key and its value stand.
#[derive(Clone, Copy)]
struct Place<'n> {
    key: usize,
    node: &'n Node,
}

/// What a field says of itself. What could not be understood has been told of.
#[derive(Default)]
struct Given<'n> {
    css: Option<(&'n str, Place<'n>)>,
    regex: Option<(&'n str, Place<'n>)>,
    attribute: Option<(&'n str, Place<'n>)>,
    text: Option<(Option<Text>, Place<'n>)>,
    html: Option<(Option<Html>, Place<'n>)>,
    take: Option<(Option<Take>, Place<'n>)>,
    over: Option<(&'n str, Place<'n>)>,
    fields: Option<(Vec<Member>, Place<'n>)>,
    required: bool,
    /// It says where its values come from, understood or not.
    is_any: bool,
}

/// Stands where a field could not be read, in a recipe that is refused.
fn placeholder() -> From {
    From::Css(Selector::parse("*").expect("this is a selector"), What::Text(Text::Raw))
}

fn in_words(known: &[&str]) -> String {
    let quoted: Vec<String> = known.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
