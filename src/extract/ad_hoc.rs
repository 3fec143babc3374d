//! Selectors and patterns that no recipe knows: compiled when they are asked for.

use super::finder::Finder;
use super::search;
use super::{
    CacheStats, CssExtractor, CssField, CssManager, Mistake, RegexExtractor, RegexField, RegexManager, Values,
};

/// Stands for a field's name where there is none.
const NAME: &str = "x=";

impl CssExtractor {
    /// Adds to field 0 of `values` what a selector finds on the page, `SELECTOR` or `SELECTOR@ATTR`; the recipe's fields are not
    /// looked at, the [`Bounds`](super::Bounds) of `values` are. The selector is compiled, unless it is one of those that this extractor was asked for lately: see
    /// [`CssManager::cache`].
    ///
    /// Each call parses the page. For several selectors that are known beforehand a recipe is faster.
    ///
    /// ```
    /// use slackwater::Pool;
    /// use slackwater::extract::{CssManager, Values};
    ///
    /// let css = Pool::builder(CssManager::new([]).cache(100)).build().unwrap();
    /// let mut values = Values::new(1);
    /// for page in ["<title>Ebb</title>", "<title>Flow</title>"] {
    ///     css.checkout().unwrap().select("title", page, &mut values)?;
    /// }
    /// assert_eq!(values.of(0).collect::<Vec<_>>(), ["Ebb", "Flow"]);
    ///
    /// let stats = css.manager().cache_stats();
    /// assert_eq!((stats.misses, stats.hits), (1, 1));
    /// # Ok::<(), slackwater::extract::Mistake>(())
    /// ```
    /// # Errors
    /// [`Mistake`] as [`CssField::parse`]. It is not kept: the next call finds it anew.
    /// # Panics
    /// If `values` has no field.
    pub fn select(&mut self, selector: &str, page: &str, values: &mut Values) -> Result<(), Mistake> {
        let plan = self.compiled.get(selector, |selector| {
            let field = CssField::parse(&format!("{NAME}{selector}"));
            let field = field.map_err(|mistake| mistake.after(NAME.len(), selector))?;
            Ok(CssManager::new([(0, field)]).plan)
        })?;
        values.timed(|values| plan.run(&mut self.dom, &[None], page, values));
        Ok(())
    }
}

impl RegexExtractor {
    /// Adds to field 0 of `values` what a pattern finds in the page's source: group 1 of every match, or the whole match. The
    /// recipe's fields are not looked at, the [`Bounds`](super::Bounds) of `values` are. The pattern is compiled, unless it is one of those that this extractor was asked for
    /// lately: see [`RegexManager::cache`].
    ///
    /// ```
    /// use slackwater::Pool;
    /// use slackwater::extract::{RegexManager, Values};
    ///
    /// let regex = Pool::builder(RegexManager::new([])).build().unwrap();
    /// let mut values = Values::new(1);
    /// regex.checkout().unwrap().search("(?:19|20)[0-9]{2}", "<p>1994, 2003</p>", &mut values)?;
    /// assert_eq!(values.of(0).collect::<Vec<_>>(), ["1994", "2003"]);
    /// # Ok::<(), slackwater::extract::Mistake>(())
    /// ```
    /// # Errors
    /// [`Mistake`] as [`RegexField::parse`]. It is not kept: the next call finds it anew.
    /// # Panics
    /// If `values` has no field.
    pub fn search(&mut self, pattern: &str, page: &str, values: &mut Values) -> Result<(), Mistake> {
        let finder = self.compiled.get(pattern, |pattern| {
            let field = RegexField::parse(&format!("{NAME}{pattern}"));
            let field = field.map_err(|mistake| mistake.after(NAME.len(), pattern))?;
            Ok(Finder::new(&field.regex))
        })?;
        values.timed(|values| {
            let clock = values.clock();
            search::plain(0, finder, page, values, &clock);
            values.heed(&clock);
        });
        Ok(())
    }
}

impl CssManager {
    /// How many selectors each extractor keeps compiled for [`CssExtractor::select`]: 64 by default, one at least. The least recently
    /// used makes room for the next.
    pub fn cache(mut self, selectors: usize) -> Self {
        self.room = selectors;
        self
    }

    /// How these caches did, all extractors together.
    pub fn cache_stats(&self) -> CacheStats {
        self.told.stats()
    }
}

impl RegexManager {
    /// How many patterns each extractor keeps compiled for [`RegexExtractor::search`]: 64 by default, one at least. The least recently
    /// used makes room for the next.
    pub fn cache(mut self, patterns: usize) -> Self {
        self.room = patterns;
        self
    }

    /// How these caches did, all extractors together.
    pub fn cache_stats(&self) -> CacheStats {
        self.told.stats()
    }
}
