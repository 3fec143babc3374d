//! Real pages.

use crate::compared::Compared;
use crate::sources;

/// Promise: the bundled pages give what the tree gives, and most of them without one. Provoked: all of them, whole, with other
/// line ends, and cut in many places.
#[test]
fn bundled_pages_give_what_the_tree_gives() {
    let mut compared = Compared::new();
    let pages = sources::bundled();
    pages.iter().for_each(|page| compared.check(page));
    let (streamed, all_seen, why) = compared.streamed();
    println!("of {} pages {streamed} and {all_seen} without a tree, others for {why:?}", pages.len());
    assert!(streamed * 2 > pages.len() as u64, "{streamed} of {}: {why:?}", pages.len());
    for page in pages {
        sources::variants(&page).for_each(|page| compared.check(&page));
    }
}

/// Promise: so do thousands of real pages. Provoked: the toolchain's documentation.
#[test]
fn the_toolchains_documentation_gives_what_the_tree_gives() {
    let (mut compared, mut seen) = (Compared::new(), 0);
    for (path, page) in sources::documentation() {
        seen += 1;
        if let Some(difference) = compared.difference(&page) {
            panic!("{}: {difference}", path.display());
        }
    }
    let (streamed, all_seen, why) = compared.streamed();
    println!("of {seen} pages {streamed} and {all_seen} without a tree, others for {why:?}");
}
