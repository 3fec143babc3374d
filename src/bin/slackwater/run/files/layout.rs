//! Into which file a page goes, and what the files are called.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the pages of a run are divided among files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// One file.
    Single,
    /// So many files, page after page in turn.
    Spread(u64),
    /// File after file, each of so many pages or bytes at most. A page that is larger alone has a file of its own.
    Roll { pages: u64, bytes: u64 },
}

impl Division {
    /// How many files are open at a time.
    pub fn width(self) -> u64 {
        match self {
            Self::Spread(n) => n,
            Self::Single | Self::Roll { .. } => 1,
        }
    }
}

/// The names of the files of a run.
pub struct Layout {
    pub division: Division,
    target: PathBuf,
}

impl Layout {
    /// `target` is what `-o` names, links followed.
    pub fn new(target: PathBuf, division: Division) -> Self {
        Self { division, target }
    }

    /// How many files are open at a time.
    pub fn width(&self) -> u64 {
        self.division.width()
    }

    /// The name of file `n`: `FILE-00002-of-00008.csv` or `FILE-00002.csv` where there are several.
    pub fn name(&self, n: u64) -> PathBuf {
        let number = match self.division {
            Division::Single => return self.target.clone(),
            Division::Spread(of) => format!("-{n:05}-of-{of:05}"),
            Division::Roll { .. } => format!("-{n:05}"),
        };
        let (stem, extension) = self.stem_and_extension();
        self.target.with_file_name(format!("{stem}{number}{extension}"))
    }

    fn stem_and_extension(&self) -> (String, String) {
        let stem = self.target.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = self.target.extension().map_or(String::new(), |it| format!(".{}", it.to_string_lossy()));
        (stem, extension)
    }

    /// A file that is there already and has a name that one of ours could get. A run that divides otherwise would leave it
    /// among its own, and whoever reads them all would have pages twice.
    pub fn in_the_way(&self) -> io::Result<Option<PathBuf>> {
        if self.division == Division::Single {
            return Ok(None);
        }
        let (stem, extension) = self.stem_and_extension();
        let folder = self.target.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let middle = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&*extension));
            if middle.is_some_and(is_number) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

/// `00002` or `00002-of-00008`.
fn is_number(middle: &str) -> bool {
    let digits = |text: &str| text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    match middle.split_once("-of-") {
        Some((n, of)) => digits(n) && digits(of),
        None => digits(middle),
    }
}

/// Reads a size such as `500`, `64k`, `10MB`, `1GiB`; each letter is 1024 times the one before.
/// # Errors
/// What is wrong, with what to try.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = text[digits..].to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err("a size is a number and k, M, G or T, such as 256M".to_owned()),
    };
    let number: u64 = text[..digits].parse().map_err(|_| "a size begins with a number, such as 256M".to_owned())?;
    number
        .checked_mul(1 << (10 * power))
        .filter(|size| *size > 0)
        .ok_or_else(|| "that is no size for a file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: sizes are read as documented. Provoked: each unit in each spelling, and what is none.
    #[test]
    fn sizes_are_read() {
        for (text, wanted) in
            [("1", 1), ("7k", 7 << 10), ("7K", 7 << 10), ("3MB", 3 << 20), ("2GiB", 2 << 30), ("1t", 1 << 40)]
        {
            assert_eq!(size(text), Ok(wanted), "{text}");
        }
        for wrong in ["", "k", "0", "-1", "1x", "1.5G", "1 G", "99999999T", "ib"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    /// Promise: names are as documented, and those of another division are known too. Provoked: names with and without ending.
    #[test]
    fn files_have_their_names() {
        let roll = Layout::new("out/pages.tar.csv".into(), Division::Roll { pages: 1, bytes: 1 });
        assert_eq!(roll.name(3), Path::new("out/pages.tar-00003.csv"));
        let spread = Layout::new("pages".into(), Division::Spread(12));
        assert_eq!(spread.name(11), Path::new("pages-00011-of-00012"));
        for (middle, is) in [("00001", true), ("00001-of-00003", true), ("1", false), ("00001-x", false), ("", false)] {
            assert_eq!(is_number(middle), is, "{middle}");
        }
    }
}
