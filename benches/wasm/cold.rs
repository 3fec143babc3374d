//! From nothing to an instance.

use std::fs;
use std::path::Path;
use std::time::Instant;

use slackwater::Manager;
use slackwater::wasm::{ArtifactCache, Extraction, Query, WasmEngine, WasmManager};

use crate::clock::micros;
use crate::contestants::{component, fresh};
use crate::harness::Bound::Below;
use crate::harness::{Options, Rounds, Table, Wanted};

/// Loads in a round.
const LOADS: usize = 20;

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-bench-cold");
    let _ = fs::remove_dir_all(&folder);
    let started = Instant::now();
    let engine = engine(&folder);
    let engine_took = started.elapsed();
    let loaded = component(&engine);
    println!(
        "\ncold: the engine in {:.2} ms; the component for the first time ever: {:?}",
        micros(engine_took) / 1e3,
        loaded.origin()
    );
    drop(loaded);
    let mut first_ms = 0.0;
    let (mut loads, mut managed) = (Rounds::default(), Rounds::default());
    let (mut usable, mut called) = (Rounds::default(), Rounds::default());
    for round in 0..options.rounds * LOADS {
        // As a process that starts does it: with an engine of its own, which is not measured.
        let engine = self::engine(&folder);
        let began = Instant::now();
        let component = component(&engine);
        loads.push(micros(began.elapsed()) / 1e3);
        let manager = WasmManager::new(&component, Extraction, fresh()).expect("the bundled one is of this world");
        managed.push(micros(began.elapsed()) / 1e3);
        let mut instance = manager.create().expect("an instance");
        let took = began.elapsed();
        let queries = [Query::pattern("x")];
        let answer = instance.call(|extractor, store| extractor.extract(store, "<p>x</p>", &queries));
        assert!(answer.is_ok_and(|answer| answer.is_ok_and(|lists| lists == [["x"]])));
        if round == 0 {
            first_ms = micros(took) / 1e3;
        }
        usable.push(micros(took) / 1e3);
        called.push(micros(began.elapsed()) / 1e3);
    }
    let mut table = Table::new("From a cached artifact, ms", &["to", "median", "most", "first"]);
    let milliseconds = |figure: f64| format!("{figure:.3}");
    for (to, rounds, first) in [
        ("the component", &loads, None),
        ("its manager, which has tried it out", &managed, None),
        ("a usable instance", &usable, Some(first_ms)),
        ("its first answer", &called, None),
    ] {
        let first = first.map(milliseconds).unwrap_or_default();
        table.row(vec![to.into(), milliseconds(rounds.median()), milliseconds(rounds.greatest()), first]);
    }
    table.print();
    wanted.add("cold, artifact to usable instance, median", usable.median(), " ms", Below(0.5));
    wanted.add("cold, artifact to usable instance, first load", first_ms, " ms", Below(5.0));
}

fn engine(folder: &Path) -> WasmEngine {
    let cache = ArtifactCache::open(folder).expect("the target folder is the user's own");
    WasmEngine::builder().slots(4).cache(cache).build().expect("an engine")
}
