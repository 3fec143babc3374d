//! WARC 1.0 and 1.1, record by record.
//!
//! Own code: the crates there are take a record's length at its word (one that lies takes the rest of the file with it), read
//! whole records into memory, and do not go on behind a damaged gzip member.

use super::error::InputError;
use super::flow::Flow;
use super::http::Message;
use super::member::{Member, Raw};
use super::pages::Found;

/// The most a record's own head may have, and what an HTTP head may add to a page.
const HEAD: usize = 64 << 10;

pub(super) struct Warc<'a> {
    flow: Flow<'a>,
    name: String,
    max_bytes: u64,
    /// Records begun, for those that have no name.
    number: u64,
    /// After damage: the next record has to be looked for.
    lost: bool,
}

/// What a record's head says that matters here.
#[derive(Default)]
struct Head {
    kind: String,
    uri: Option<String>,
    content_type: String,
    length: u64,
    truncated: bool,
}

impl<'a> Warc<'a> {
    pub fn new(flow: Flow<'a>, name: String, max_bytes: u64) -> Self {
        Self { flow, name, max_bytes, number: 0, lost: false }
    }

    /// The next page, or what stands in its place. `None` at the end.
    pub fn next(&mut self) -> Option<Found> {
        loop {
            if self.lost {
                self.search();
            }
            // Between records: line ends, of which some writers forget one.
            while let [b'\r' | b'\n', ..] = self.flow.ensure(1) {
                self.flow.take(1);
            }
            let over = self.flow.is_over();
            if let Some(error) = self.flow.gap() {
                return Some(self.failed(None, error));
            }
            if over {
                return None;
            }
            if let Some(error) = self.flow.trouble() {
                // Once behind a damaged record nothing is known; its own error was told.
                let told = std::mem::replace(&mut self.lost, true);
                if told {
                    continue;
                }
                return Some(self.failed(None, error));
            }
            if self.lost && !self.flow.ensure(5).starts_with(b"WARC/") {
                continue;
            }
            self.lost = false;
            self.number += 1;
            return Some(match self.head() {
                Ok((head, size)) => self.record(head, size),
                Err(error) => {
                    let skip = self.flow.there().len().min(5);
                    self.flow.take(skip);
                    self.lost = true;
                    self.failed(None, error)
                }
            });
        }
    }

    /// The head of the record that begins here, and its length.
    fn head(&mut self) -> Result<(Head, usize), InputError> {
        let mut wanted = 1024;
        let end = loop {
            let there = self.flow.ensure(wanted);
            if let Some(end) = head_end(there) {
                break end;
            }
            if there.len() < wanted {
                let (what, got) = ("the head of a record", there.len() as u64);
                return Err(self.flow.trouble_ahead().unwrap_or(InputError::Cut { what, got }));
            }
            if wanted >= HEAD {
                return Err(InputError::damaged("the head of a record", format!("no end of it within {HEAD} bytes")));
            }
            wanted *= 2;
        };
        let bytes = &self.flow.there()[..end];
        if !bytes.starts_with(b"WARC/1.") {
            let line: String = String::from_utf8_lossy(bytes).chars().take_while(|c| *c != '\n').take(40).collect();
            let why = format!("{:?} is not WARC/1.0 or WARC/1.1", line.trim_end());
            return Err(InputError::damaged("the head of a record", why));
        }
        let head = Head::read(bytes)?;
        Ok((head, end))
    }

    fn record(&mut self, head: Head, size: usize) -> Found {
        let wanted = head.kind == "response" || head.kind == "resource";
        let most = self.max_bytes.saturating_add(HEAD as u64);
        if !wanted || head.length > most {
            let sound = self.pass((size as u64).saturating_add(head.length));
            return match sound {
                Err(error) => self.torn(&head, error),
                Ok(()) if !wanted => Found::Skipped,
                Ok(()) => self.failed(head.uri, InputError::TooLarge(self.max_bytes)),
            };
        }
        let whole = size + usize::try_from(head.length).unwrap_or(usize::MAX);
        // A little more than there should be: what follows tells whether the length was true.
        let there = self.flow.ensure(whole.saturating_add(9)).len();
        let tail = self.flow.there().get(whole..).map(<[u8]>::trim_ascii_start);
        let follows = tail.is_some_and(|tail| b"WARC/".starts_with(&tail[..tail.len().min(5)]))
            || self.flow.member_ends_at(whole);
        if there < whole || !follows {
            let got = there.saturating_sub(size).min(usize::try_from(head.length).unwrap_or(usize::MAX)) as u64;
            let error = if there < whole {
                InputError::Cut { what: "a record", got }
            } else {
                let why = format!("behind the {} bytes that it says it has there is no other", head.length);
                InputError::damaged("a record", why)
            };
            self.flow.take(size.min(there));
            return self.torn(&head, error);
        }
        // What comes before a sum that is not right was not what was written, whatever it looks like.
        let is_last = self.flow.there()[whole..].trim_ascii().is_empty() && !self.flow.member_ends_at(whole);
        if let Some(error) = self.flow.trouble_ahead().filter(|_| is_last) {
            self.flow.take(size);
            return self.torn(&head, error);
        }
        let body = self.flow.there()[size..whole].to_vec();
        self.flow.take(whole);
        self.page(head, body)
    }

    /// Skips `n` bytes without keeping them.
    fn pass(&mut self, mut n: u64) -> Result<(), InputError> {
        let all = n;
        while n > 0 {
            let step = self.flow.ensure(usize::try_from(n.min(32 << 10)).unwrap_or(1)).len();
            if step == 0 || n < all && self.flow.at_border {
                return Err(InputError::Cut { what: "a record", got: all - n });
            }
            self.flow.take(step);
            n -= step as u64;
        }
        Ok(())
    }

    fn page(&mut self, head: Head, body: Vec<u8>) -> Found {
        let Head { kind, uri, content_type, truncated, .. } = head;
        if kind == "resource" {
            if !super::http::may_be_page(Some(&content_type)) {
                return Found::Skipped;
            }
            let raw = Raw::Bytes { bytes: body, content_type: Some(content_type).filter(|kind| !kind.is_empty()) };
            return Found::Member(Member::new(self.named(uri), Ok(raw)));
        }
        // Others answered too: name servers, for one.
        if !content_type.is_empty() && !content_type.to_ascii_lowercase().starts_with("application/http") {
            return Found::Skipped;
        }
        match Message::read(body, truncated) {
            Ok(message) if !message.is_page() => Found::Skipped,
            Ok(message) => Found::Member(Member::new(self.named(uri), Ok(Raw::Http(Box::new(message))))),
            Err(error) => self.failed(uri, error),
        }
    }

    /// A record that did not end where it should have: the next one has to be looked for.
    fn torn(&mut self, head: &Head, error: InputError) -> Found {
        self.lost = !self.flow.there().starts_with(b"WARC/");
        let error = self.flow.trouble_ahead().unwrap_or(error);
        self.failed(head.uri.clone(), error)
    }

    /// To the next line that begins like a record.
    fn search(&mut self) {
        loop {
            let there = self.flow.ensure(32 << 10);
            if there.starts_with(b"WARC/") {
                return;
            }
            let found = there.windows(8).position(|window| window == b"\nWARC/1.");
            let short = there.len() < 32 << 10;
            let step = match found {
                Some(at) => at + 1,
                None if short => there.len(),
                None => there.len() - 7,
            };
            self.flow.take(step);
            if found.is_some() || short {
                return;
            }
        }
    }

    fn failed(&self, uri: Option<String>, error: InputError) -> Found {
        Found::Member(Member::new(self.named(uri), Err(error)))
    }

    /// A record without an address goes by its place.
    fn named(&self, uri: Option<String>) -> String {
        uri.unwrap_or_else(|| format!("{}#{}", self.name, self.number))
    }
}

/// Behind the empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')? + 1;
        if bytes[at..end].trim_ascii().is_empty() {
            return Some(end);
        }
        at = end;
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, InputError> {
        let mut head = Self::default();
        let mut length = None;
        for line in bytes.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii());
            match &*line[..colon].trim_ascii().to_ascii_lowercase() {
                b"warc-type" => head.kind = value.to_ascii_lowercase(),
                // In 1.0 the standard's own examples have it in angle brackets.
                b"warc-target-uri" => head.uri = Some(value.trim_matches(['<', '>']).to_owned()),
                b"content-type" => head.content_type = value.into_owned(),
                b"warc-truncated" => head.truncated = true,
                b"content-length" => length = Some(value.into_owned()),
                _ => {}
            }
        }
        let length = length.unwrap_or_default();
        head.length = length
            .parse()
            .map_err(|_| InputError::damaged("the head of a record", format!("{length:?} is no Content-Length")))?;
        Ok(head)
    }
}
