//! What bytes are, by how they begin.

/// How many bytes decide: a block of tar.
pub(super) const HEAD: usize = 512;

/// What a file is, by its content; its name does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Compressed with gzip, whatever is inside.
    Gzip,
    /// Compressed with zstd, whatever is inside.
    Zstd,
    /// An archive with its list at the end.
    Zip,
    /// An archive of files one after the other.
    Tar,
    /// Records of a crawl.
    Warc,
    /// Anything else, a page perhaps.
    Plain,
}

impl Format {
    /// Recognises the format by the first bytes, of which 512 are enough.
    pub fn of(head: &[u8]) -> Self {
        const SKIPPABLE: std::ops::RangeInclusive<u8> = 0x50..=0x5F;
        match head {
            [0x1F, 0x8B, 0x08, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            [kind, 0x2A, 0x4D, 0x18, ..] if SKIPPABLE.contains(kind) => Self::Zstd,
            // A member, the end of an empty archive, or the mark of a split one.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => Self::Zip,
            _ if head.starts_with(b"WARC/") => Self::Warc,
            _ if is_tar(head) => Self::Tar,
            _ => Self::Plain,
        }
    }

    /// Whether this is compressed, and so may be anything inside.
    pub fn is_compressed(self) -> bool {
        matches!(self, Self::Gzip | Self::Zstd)
    }

    /// Whether there may be many pages in it.
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Zip | Self::Tar | Self::Warc)
    }
}

/// Old archives have no mark; all have the sum of their header's bytes in it.
fn is_tar(head: &[u8]) -> bool {
    head.len() >= HEAD && super::tar::sum_is_right(&head[..HEAD])
}
