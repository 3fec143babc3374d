//! What an artifact is called: which component it was made from, for which engine, and what its bytes are.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use twox_hash::{XxHash3_64, XxHash3_128};

/// The SHA-256 of a component's bytes: what it is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The one that is written as 64 hexadecimal digits, if it is.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: u8| (at as char).to_digit(16);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How an artifact's name begins: its component and its engine. What follows is the checksum of its bytes.
pub(super) fn stem(component: &Digest, engine: &wasmtime::Engine) -> String {
    // A name has to be the same tomorrow: the standard library's hasher does not promise that.
    let mut hasher = XxHash3_64::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{component}-{:016x}-", hasher.finish())
}

/// The name of the artifact with these bytes, and how many they are.
///
/// Read piece by piece into memory that stays in the processor's caches: whoever only wants to know whether a file is whole need not
/// have all of it at once, and new memory for that would cost more than the checksum.
pub(super) fn full(stem: &str, mut artifact: impl Read) -> io::Result<(String, u64)> {
    let (mut hasher, mut piece, mut bytes) = (XxHash3_128::new(), vec![0; 96 << 10], 0);
    loop {
        match artifact.read(&mut piece) {
            Ok(0) => return Ok((format!("{stem}{:032x}{SUFFIX}", hasher.finish_128()), bytes)),
            Ok(read) => {
                hasher.write(&piece[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) const SUFFIX: &str = ".cwasm";
