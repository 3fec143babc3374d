//! An extractor that reads a clock, so its component imports one. It is not to be run: the import has to be refused, with its name.

wit_bindgen::generate!({
    inline: "
        package elsewhere:guest;

        interface clock {
            now: func() -> u64;
        }

        world importing {
            include slackwater:extract/extractor@0.1.0;
            import clock;
        }
    ",
    path: "../../wit",
    generate_all,
});

use elsewhere::guest::clock;
use exports::slackwater::extract::extraction::{Failure, Guest, Query};

struct Importing;

impl Guest for Importing {
    fn extract(_: String, queries: Vec<Query>) -> Result<Vec<Vec<String>>, Failure> {
        Ok(queries.iter().map(|_| vec![clock::now().to_string()]).collect())
    }
}

export!(Importing);
