//! A compiled pattern whose search caches are its owner's.

use regex::Regex;
use regex_automata::meta::{self, Cache};
use regex_automata::util::iter::Searcher;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Input, Match, MatchKind, Span};

/// What the `regex` crate gives a pattern: how large it may become, and how large its lazy automaton's cache.
const PROGRAM: usize = 10 << 20;
const LAZY: usize = 2 << 20;

/// A pattern, and what a search of it needs.
///
/// A `Regex` keeps its caches in a pool of its own that every search goes through, at a few nanoseconds on the thread that came first and
/// many on all others. Whoever has an extractor to itself has these too, and goes through nothing.
#[derive(Debug)]
pub(super) struct Finder {
    regex: meta::Regex,
    cache: Cache,
    /// What a match gives: group 1, or all of it if there is no group.
    group: usize,
}

impl Finder {
    /// The same pattern, compiled as the `regex` crate does it.
    pub(super) fn new(regex: &Regex) -> Self {
        let config = meta::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .utf8_empty(true)
            .nfa_size_limit(Some(PROGRAM))
            .hybrid_cache_capacity(LAZY);
        let compiled = meta::Builder::new().configure(config).build(regex.as_str());
        let meta = compiled.expect("the regex crate compiled it with the same settings");
        Self { cache: meta.create_cache(), group: usize::from(meta.captures_len() > 1), regex: meta }
    }

    /// The same program with caches of its own.
    pub(super) fn another(&self) -> Self {
        Self { regex: self.regex.clone(), cache: self.regex.create_cache(), group: self.group }
    }

    /// What each match gives, in order. `None` is a match in which group 1 took no part.
    pub(super) fn values<'f, 'p>(&'f mut self, page: &'p str) -> impl Iterator<Item = Option<&'p str>> + use<'f, 'p> {
        let Self { regex, cache, group } = self;
        let mut searcher = Searcher::new(Input::new(page));
        std::iter::from_fn(move || {
            let mut found: Option<Span> = None;
            searcher.advance(|input| {
                if *group == 0 {
                    let whole = regex.search_with(cache, input);
                    found = whole.map(|whole| whole.span());
                    return Ok(whole);
                }
                let mut slots = [None; 4];
                let pattern = regex.search_slots_with(cache, input, &mut slots);
                found = span(&slots[2..]);
                Ok(pattern.zip(span(&slots)).map(|(pattern, whole)| Match::new(pattern, whole)))
            })?;
            Some(found.map(|span| &page[span.start..span.end]))
        })
    }

    /// The bytes its caches have grown to.
    pub(super) fn weight(&self) -> usize {
        self.cache.memory_usage()
    }
}

fn span(slots: &[Option<NonMaxUsize>]) -> Option<Span> {
    Some(Span { start: slots[0]?.get(), end: slots[1]?.get() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: it finds what the `regex` crate finds. Provoked: empty matches, groups that take no part, anchors, words, Unicode.
    #[test]
    fn finds_what_regex_finds() {
        let pages = [
            "",
            "a",
            "error E0382: borrow of moved value, see E0499 and E05",
            "\u{FEFF}ünï cödé, 日本語 \u{1F980}\u{1F980} naïve\r\nline two\n\nline four",
            "<a href=\"/x\">1994</a><a href='/y'>2003</a>",
            include_str!("../../examples/pages/error-E0382.html").get(..4000).unwrap(),
        ];
        let patterns = [
            "",
            "a*",
            "^",
            "$",
            "(?m)^(.*)$",
            r"\b",
            r"\bE[0-9]{4}\b",
            "E([0-9]{4})",
            "(a)|b|n",
            "((?:19|20)[0-9]{2})",
            r#"href=(?:"([^"]*)"|'[^']*')"#,
            r"(?i)(error)\s+(\w+)",
            r"\p{L}+",
            "(?s).",
            "(?P<all>.+)",
            r"(\w)*",
            "日(本)?",
            r"(?x) ( \d+ ) # number",
        ];
        for pattern in patterns {
            let regex = Regex::new(pattern).unwrap();
            let mut finder = Finder::new(&regex);
            let mut another = finder.another();
            for page in pages {
                let expected: Vec<Option<&str>> = match regex.captures_len() {
                    1 => regex.find_iter(page).map(|found| Some(found.as_str())).collect(),
                    _ => regex.captures_iter(page).map(|found| found.get(1).map(|group| group.as_str())).collect(),
                };
                // Twice: a cache that has seen a page must not remember it.
                for finder in [&mut finder, &mut another] {
                    assert_eq!(finder.values(page).collect::<Vec<_>>(), expected, "{pattern:?} on {page:.40?}");
                    assert_eq!(finder.values(page).collect::<Vec<_>>(), expected, "{pattern:?} on {page:.40?} again");
                }
            }
        }
    }
}
