//! The document type: all it decides is whether a table closes a paragraph.

use memchr::memchr;

use super::build::Builder;
use super::parser::is_space;
use super::rules::Mode;

/// A document with a public identifier that starts so is in quirks mode.
const QUIRKY_STARTS: [&str; 54] = [
    "-//advasoft ltd//dtd html 3.0 aswedit + extensions//",
    "-//as//dtd html 3.0 aswedit + extensions//",
    "-//ietf//dtd html 2.0 level 1//",
    "-//ietf//dtd html 2.0 level 2//",
    "-//ietf//dtd html 2.0 strict level 1//",
    "-//ietf//dtd html 2.0 strict level 2//",
    "-//ietf//dtd html 2.0 strict//",
    "-//ietf//dtd html 2.0//",
    "-//ietf//dtd html 2.1e//",
    "-//ietf//dtd html 3.0//",
    "-//ietf//dtd html 3.2 final//",
    "-//ietf//dtd html 3.2//",
    "-//ietf//dtd html 3//",
    "-//ietf//dtd html level 0//",
    "-//ietf//dtd html level 1//",
    "-//ietf//dtd html level 2//",
    "-//ietf//dtd html level 3//",
    "-//ietf//dtd html strict level 0//",
    "-//ietf//dtd html strict level 1//",
    "-//ietf//dtd html strict level 2//",
    "-//ietf//dtd html strict level 3//",
    "-//ietf//dtd html strict//",
    "-//ietf//dtd html//",
    "-//metrius//dtd metrius presentational//",
    "-//microsoft//dtd internet explorer 2.0 html strict//",
    "-//microsoft//dtd internet explorer 2.0 html//",
    "-//microsoft//dtd internet explorer 2.0 tables//",
    "-//microsoft//dtd internet explorer 3.0 html strict//",
    "-//microsoft//dtd internet explorer 3.0 html//",
    "-//microsoft//dtd internet explorer 3.0 tables//",
    "-//netscape comm. corp.//dtd html//",
    "-//netscape comm. corp.//dtd strict html//",
    "-//o'reilly and associates//dtd html 2.0//",
    "-//o'reilly and associates//dtd html extended 1.0//",
    "-//o'reilly and associates//dtd html extended relaxed 1.0//",
    "-//softquad software//dtd hotmetal pro 6.0::19990601::extensions to html 4.0//",
    "-//softquad//dtd hotmetal pro 4.0::19971010::extensions to html 4.0//",
    "-//spyglass//dtd html 2.0 extended//",
    "-//sq//dtd html 2.0 hotmetal + extensions//",
    "-//sun microsystems corp.//dtd hotjava html//",
    "-//sun microsystems corp.//dtd hotjava strict html//",
    "-//w3c//dtd html 3 1995-03-24//",
    "-//w3c//dtd html 3.2 draft//",
    "-//w3c//dtd html 3.2 final//",
    "-//w3c//dtd html 3.2//",
    "-//w3c//dtd html 3.2s draft//",
    "-//w3c//dtd html 4.0 frameset//",
    "-//w3c//dtd html 4.0 transitional//",
    "-//w3c//dtd html experimental 19960712//",
    "-//w3c//dtd html experimental 970421//",
    "-//w3c//dtd w3 html//",
    "-//w3o//dtd w3 html 3.0//",
    "-//webtechs//dtd mozilla html 2.0//",
    "-//webtechs//dtd mozilla html//",
];
const QUIRKY: [&str; 3] = ["-//w3o//dtd w3 html strict 3.0//en//", "-/w3c/dtd html 4.0 transitional/en", "html"];
const QUIRKY_SYSTEM: &str = "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd";
/// These are quirky without a system identifier; with one they are "limited quirks", where a table does close a paragraph.
const HTML4: [&str; 2] = ["-//w3c//dtd html 4.01 frameset//", "-//w3c//dtd html 4.01 transitional//"];

/// What a document type declares.
#[derive(Debug, Default)]
struct Doctype {
    name: String,
    public: Option<String>,
    system: Option<String>,
    /// It is malformed.
    force_quirks: bool,
}

impl Doctype {
    fn is_quirky(&self) -> bool {
        if self.force_quirks || self.name != "html" {
            return true;
        }
        let public = self.public.as_ref().map(|id| id.to_ascii_lowercase());
        let system = self.system.as_ref().map(|id| id.to_ascii_lowercase());
        if system.as_deref() == Some(QUIRKY_SYSTEM) {
            return true;
        }
        let Some(public) = public else { return false };
        let starts = |with: &[&str]| with.iter().any(|start| public.starts_with(start));
        QUIRKY.contains(&&*public) || starts(&QUIRKY_STARTS) || system.is_none() && starts(&HTML4)
    }
}

impl Builder<'_> {
    /// What follows `<!doctype`, up to and with its `>`.
    pub(super) fn doctype(&mut self) {
        let mut reader = Reader { bytes: self.bytes, at: self.at };
        let doctype = reader.read();
        self.at = reader.at;
        if self.mode == Mode::Initial {
            self.quirks = doctype.is_quirky();
            self.mode = Mode::BeforeHtml;
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn read(&mut self) -> Doctype {
        let mut doctype = Doctype::default();
        self.skip_spaces();
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != b'>' && !is_space(byte)) {
            self.at += 1;
        }
        doctype.name = text(&self.bytes[start..self.at]).to_ascii_lowercase();
        self.skip_spaces();
        let rest = &self.bytes[self.at..];
        let keyword = |word: &[u8]| rest.len() >= 6 && rest[..6].eq_ignore_ascii_case(word);
        let is_whole = if doctype.name.is_empty() {
            false
        } else if self.peek() == Some(b'>') {
            true
        } else if keyword(b"public") {
            self.at += 6;
            self.identifier(&mut doctype.public) && {
                self.skip_spaces();
                match self.peek() {
                    Some(b'"' | b'\'') => self.identifier(&mut doctype.system),
                    end => end == Some(b'>'),
                }
            }
        } else if keyword(b"system") {
            self.at += 6;
            self.identifier(&mut doctype.system)
        } else {
            false
        };
        doctype.force_quirks = !is_whole;
        // What else stands there is passed over.
        self.at = memchr(b'>', &self.bytes[self.at..]).map_or(self.bytes.len(), |n| self.at + n + 1);
        doctype
    }

    /// A quoted identifier. False if there is none, or a `>` cuts it off.
    fn identifier(&mut self, id: &mut Option<String>) -> bool {
        self.skip_spaces();
        let Some(quote @ (b'"' | b'\'')) = self.peek() else { return false };
        self.at += 1;
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != quote && byte != b'>') {
            self.at += 1;
        }
        *id = Some(text(&self.bytes[start..self.at]));
        if self.peek() != Some(quote) {
            return false;
        }
        self.at += 1;
        true
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{FFFD}")
}
