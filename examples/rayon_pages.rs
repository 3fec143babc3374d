//! Pages in parallel on rayon, extractors from a pool: as few as threads, however many pages.
//! Run: cargo run --release --features extract,rayon --example rayon_pages [FOLDER]
//!
//! Without a folder it takes the pages bundled with this crate. `par_map` checks out once for many pages, and a page may use
//! rayon itself without deadlock.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use slackwater::Pool;
use slackwater::extract::{Extractor, Recipe, Values, decode};

fn main() -> Result<(), Box<dyn Error>> {
    let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pages");
    let folder = env::args_os().nth(1).map_or_else(bundled, PathBuf::from);
    let mut pages: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "html"));
    pages.sort();

    let mut recipe = Recipe::new();
    recipe.css("title=title")?.css("links=a@href")?;
    let manager = recipe.css_manager().expect("there are CSS fields");
    let extractors = Pool::builder(manager).name("css").max_size(rayon::current_num_threads()).build()?;

    let lines: Vec<String> = extractors.par_map(&pages, |extractor, path| {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return format!("error: {}: {error}", path.display()),
        };
        let mut values = Values::new(recipe.names().len());
        extractor.extract(&decode(&bytes).text, &mut values);
        let title = values.of(0).next().unwrap_or("(no title)");
        format!("{:>5} links  {}", values.of(1).len(), title.trim())
    })?;

    lines.iter().for_each(|line| println!("{line}"));
    let stats = extractors.stats();
    println!("{} pages, {} extractors made, {} checkouts", lines.len(), stats.created, stats.checkouts);
    Ok(())
}
