//! What the pages done so far are called, in eight bytes.

use serde::{Deserialize, Serialize};

use super::super::Noun;

/// A sum over names and their order (FNV-1a): two inputs that begin alike have the same, others have not, short of an accident
/// that nobody will see. It is there to notice changes, not to withstand anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(u64);

impl Default for Names {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Names {
    /// Adds the next page, by its [`key`].
    pub fn add(&mut self, key: u64) {
        self.bytes(&key.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What is kept of a name: of the one by which a page is found, before it is read and may turn out to have one of its own.
pub fn key(name: impl AsRef<[u8]>) -> u64 {
    let mut sum = Names::default();
    sum.bytes(name.as_ref());
    sum.0
}

/// What a run need not do again.
pub struct Done {
    left: u64,
    pages: u64,
    noun: Noun,
    wanted: Names,
    seen: Names,
}

impl Done {
    pub fn new(pages: u64, wanted: Names, noun: Noun) -> Self {
        Self { left: pages, pages, noun, wanted, seen: Names::default() }
    }

    /// Whether the next of the input, with this [`key`], is one of them.
    /// # Errors
    /// If it turns out that they are not the pages that were done.
    pub fn next(&mut self, key: impl FnOnce() -> u64) -> Result<bool, String> {
        if self.left == 0 {
            return Ok(false);
        }
        self.seen.add(key());
        self.left -= 1;
        if self.left == 0 && self.seen != self.wanted {
            return Err(self.changed("are not the ones of"));
        }
        Ok(true)
    }

    /// The input is at its end.
    /// # Errors
    /// If there were less pages than were done.
    pub fn end(&self) -> Result<(), String> {
        if self.left == 0 { Ok(()) } else { Err(self.changed("are fewer than in")) }
    }

    fn changed(&self, how: &str) -> String {
        format!(
            "--resume: the first {} {} of the input {how} the run that was begun: the input has changed",
            self.pages, self.noun.many
        )
    }
}
