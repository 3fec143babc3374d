//! Which engine may run a recipe.

use super::super::dom::sight::{self, NeedsTree, Sight};
use super::super::what::Over;
use super::super::{CssField, Recipe};
use super::StreamingManager;

/// What takes the CSS fields from a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The document tree, [`CssExtractor`](super::super::CssExtractor): every selector, every page.
    Dom,
    /// [`StreamingManager::unwatched`]: no tree, and the answers of tags rather than of elements.
    Streaming,
    /// No tree where the answer is the same by rule, [`Engine::choose`].
    Auto,
}

impl Engine {
    /// Whether a recipe has the tree's answer without one: by rule on every page that is plain, and on the others with a tree,
    /// as each page is watched while it is read.
    /// # Errors
    /// [`WhyNot`]: the first field that needs the tree, and for what.
    pub fn choose(recipe: &Recipe) -> Result<Streaming, WhyNot> {
        let fields = fields_of(recipe)?;
        let mut sight = Sight::default();
        for (_, field) in fields {
            let needs = |needs| WhyNot::Field { name: field.name.clone(), needs };
            field.selector.sees(&mut sight).map_err(needs)?;
            field.attribute().map_or(Ok(()), sight::attribute).map_err(needs)?;
        }
        StreamingManager::new(fields, Some(sight)).map(Streaming)
    }
}

/// A recipe that needs no tree on plain pages, and what runs it.
#[derive(Debug, Clone)]
pub struct Streaming(StreamingManager);

impl Streaming {
    /// What makes extractors that look at each page first.
    pub fn manager(&self) -> StreamingManager {
        self.0.clone()
    }
}

/// The CSS fields, if there are any, and nobody asks for more of a page than they do.
pub(in super::super) fn fields_of(recipe: &Recipe) -> Result<&[(usize, CssField)], WhyNot> {
    if let Some((_, field)) = recipe.regex_fields().iter().find(|(_, field)| field.over == Over::Text) {
        return Err(WhyNot::PageText { name: field.name().to_owned() });
    }
    match recipe.css_fields() {
        [] => Err(WhyNot::NoCss),
        fields => Ok(fields),
    }
}

/// Why a recipe cannot do without the document tree. What to do is in its nature: leave the field out, or take the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyNot {
    /// There is nothing to choose for.
    #[error("there are no CSS fields; nothing parses the pages")]
    NoCss,
    /// A field asks for what only a tree has.
    #[error("field {name:?} asks for {needs}")]
    Field {
        /// Its name.
        name: String,
        /// What it asks for.
        needs: NeedsTree,
    },
    /// A field takes HTML, which is written from the tree.
    #[error("field {name:?} takes HTML, which is written from the tree")]
    Html {
        /// Its name.
        name: String,
    },
    /// A field takes records, which look for fields below an element.
    #[error("field {name:?} takes records, whose fields are looked for below an element")]
    Record {
        /// Its name.
        name: String,
    },
    /// A pattern searches the text of the page, of which there is none without the tree.
    #[error("field {name:?} searches the text of the page, which is written from the tree")]
    PageText {
        /// Its name.
        name: String,
    },
}
