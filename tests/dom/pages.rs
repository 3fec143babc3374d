//! Real pages.

use crate::compared::Compared;
use crate::sources;

/// Promise: the bundled pages give what scraper gives. Provoked: all of them, whole and cut in many places.
#[test]
fn bundled_pages_give_what_scraper_gives() {
    let mut compared = Compared::new();
    for page in sources::bundled() {
        sources::variants(&page).for_each(|page| compared.check(&page));
    }
}

/// Promise: so do thousands of real pages. Provoked: the toolchain's documentation.
#[test]
fn the_toolchains_documentation_gives_what_scraper_gives() {
    let (mut compared, mut failed, mut seen) = (Compared::new(), Vec::new(), 0);
    for (path, page) in sources::documentation() {
        seen += 1;
        if let Some(difference) = compared.difference(&page) {
            failed.push(format!("{}: {difference}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{} of {seen} pages differ, first {}", failed.len(), failed[0]);
    println!("{seen} pages");
}
