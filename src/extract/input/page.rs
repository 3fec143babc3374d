//! A page as it came out of whatever it was in.

/// A page's bytes, every packing undone, and what was said about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The path, `archive#member` for a member, the address for a record of a crawl.
    pub name: String,
    /// The page itself, in whatever encoding.
    pub bytes: Vec<u8>,
    /// The encoding that was declared outside of the page, by HTTP for example.
    pub charset: Option<String>,
    /// The type that was declared outside of the page.
    pub content_type: Option<String>,
}
