//! Artifacts that are not what they should be, and components that want what they are not given.

use std::fs;
use std::path::{Path, PathBuf};

use slackwater::wasm::{ArtifactCache, Origin, WasmBuildError, WasmEngine, WasmExtractor, WasmOptions};

use crate::harness::Bound::AtMost;
use crate::harness::{Options, Wanted};

const COMPONENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guest/misbehaving.wasm");
const IMPORTING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guest/importing.wasm");

/// A way to spoil the artifact at this path.
type Spoil = fn(&Path);

const SPOILT: [(&str, Spoil); 6] = [
    ("one byte is another", |path| rewrite(path, |bytes| bytes[10_000] ^= 1)),
    ("cut off in the middle", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() / 2))),
    ("empty", |path| rewrite(path, Vec::clear)),
    ("longer by a byte", |path| rewrite(path, |bytes| bytes.push(0))),
    ("a component in its place", |path| drop(fs::copy(COMPONENT, path))),
    ("of another engine, under its own checksum", foreign),
];

pub fn measure(_: &Options, wanted: &mut Wanted) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-bench-spoilt");
    println!("\nArtifacts that are not what they should be");
    let mut used = 0;
    for (name, spoil) in SPOILT {
        let _ = fs::remove_dir_all(&folder);
        let _ = load(&folder);
        for artifact in artifacts(&folder) {
            spoil(&artifact);
        }
        let (said, is_loaded) = load(&folder);
        used += usize::from(is_loaded);
        println!("  {name}: {said}");
    }
    let (said, is_loaded) = load(&folder);
    println!("  the one that was written last: {said}");
    let wants = refused();
    println!("  a component with imports: {}", wants.as_deref().unwrap_or("it runs"));
    let _ = fs::remove_dir_all(&folder);
    wanted.add("spoilt artifacts that were used", used as f64, "", AtMost(0.0));
    wanted.add("sound artifacts that were not used", f64::from(u8::from(!is_loaded)), "", AtMost(0.0));
    let is_named = wants.is_some_and(|error| error.contains("elsewhere:guest/clock"));
    wanted.add(
        "components refused without the names of their imports",
        f64::from(u8::from(!is_named)),
        "",
        AtMost(0.0),
    );
}

fn engine(folder: &Path) -> WasmEngine {
    let cache = ArtifactCache::open(folder).expect("the target folder is the user's own");
    WasmEngine::builder().slots(4).cache(cache).build().expect("an engine")
}

/// Loads the component, and says where it came from.
fn load(folder: &Path) -> (String, bool) {
    let component = engine(folder).component_file(COMPONENT).expect("whatever is in the cache, it can be compiled");
    match component.origin() {
        Origin::Compiled { why, .. } => {
            // Without the path, which is long and says nothing.
            let why = why.to_string().replace(folder.to_str().unwrap_or_default(), "...");
            (format!("compiled anew: {why}"), false)
        }
        Origin::Loaded { .. } => ("loaded".to_owned(), true),
        other => (format!("{other:?}"), true),
    }
}

fn artifacts(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("the cache made it").filter_map(Result::ok).map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "cwasm")).collect()
}

fn rewrite(path: &Path, spoil: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the cache wrote it");
    spoil(&mut bytes);
    // Not in place: it may still be mapped.
    fs::remove_file(path).expect("it is there");
    fs::write(path, bytes).expect("there is room");
}

/// Puts what an engine of other settings compiled in its place. The checksum, which ends the name, is that of the new bytes.
fn foreign(path: &Path) {
    const CHECKSUM: usize = 32 + ".cwasm".len();
    let folder = path.parent().expect("it is in a folder").join("foreign");
    let cache = ArtifactCache::open(&folder).expect("the target folder is the user's own");
    let other = WasmEngine::builder().pooling(false).cache(cache).build().expect("an engine");
    drop(other.component_file(COMPONENT).expect("a component"));
    let artifact = artifacts(&folder).pop().expect("it was just compiled");
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
    let (ours, theirs) = (name(path), name(&artifact));
    let placed = format!("{}{}", &ours[..ours.len() - CHECKSUM], &theirs[theirs.len() - CHECKSUM..]);
    fs::remove_file(path).expect("it is there");
    fs::rename(artifact, path.with_file_name(placed)).expect("they are in the same folder");
}

/// What is said of a component with imports.
fn refused() -> Option<String> {
    let engine = WasmEngine::builder().slots(4).build().expect("an engine");
    let component = engine.component_file(IMPORTING).expect("it is a component");
    match WasmExtractor::build(&component, WasmOptions::default(), |pool| pool) {
        Err(error @ WasmBuildError::Imports { .. }) => Some(error.to_string()),
        _ => None,
    }
}
