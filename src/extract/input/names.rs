//! Names that say what to look at in a folder or an archive, where not everything is meant.

/// Whether a file of this name is meant to be a page: `.html`, `.htm` or `.xhtml`, perhaps compressed.
pub fn is_page_name(name: &str) -> bool {
    let name = without(name, &["gz", "zst"]).unwrap_or(name);
    without(name, &["html", "htm", "xhtml"]).is_some()
}

/// Whether a file of this name is meant to hold many pages.
pub fn is_archive_name(name: &str) -> bool {
    let inner = without(name, &["gz", "zst"]).unwrap_or(name);
    without(inner, &["warc", "tar"]).is_some() || without(name, &["zip", "tgz", "tzst"]).is_some()
}

fn without<'a>(name: &'a str, extensions: &[&str]) -> Option<&'a str> {
    let (stem, extension) = name.rsplit_once('.')?;
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)).then_some(stem)
}
