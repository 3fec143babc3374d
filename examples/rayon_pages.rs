//! Pages in parallel on rayon, extractors from a pool: as few as threads, however many pages.
//! Run: cargo run --release --features extract,rayon --example rayon_pages [FOLDER]
//!
//! Without a folder it takes the pages bundled with this crate. A job checks out, works and gives back; it runs no other
//! parallel work while it holds an extractor, because rayon may then run a job on this thread that waits for this very one.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use slackwater::Pool;
use slackwater::extract::{Recipe, Values, decode, extract_page};

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

    let lines: Vec<String> = pages
        .par_iter()
        .map_init(
            || Values::new(recipe.names().len()),
            |values, path| {
                values.clear();
                let bytes = fs::read(path).map_err(|error| error.to_string())?;
                // A page that makes the extractor panic is an error of that page; the pool replaces the extractor.
                extract_page(&extractors, &decode(&bytes).text, values).1.map_err(|error| error.to_string())?;
                let title = values.of(0).next().unwrap_or("(no title)");
                Ok(format!("{:>5} links  {}", values.of(1).len(), title.trim()))
            },
        )
        .map(|outcome: Result<String, String>| outcome.unwrap_or_else(|error| format!("error: {error}")))
        .collect();

    lines.iter().for_each(|line| println!("{line}"));
    let stats = extractors.stats();
    println!("{} pages, {} extractors made", lines.len(), stats.created);
    Ok(())
}
