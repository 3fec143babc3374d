//! The cache of artifacts: what is there and fits is loaded, anything else is compiled anew.

use super::guests::{Number, number_bytes};
use slackwater::wasm::{
    ArtifactCache, DirectoryError, Origin, Unfit, WasmComponent, WasmEngine, WasmEngineBuilder, WasmOptions, WasmPool,
};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A directory of the test's own, gone at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wasm-{name}-{}", std::process::id()));
        Self(path)
    }

    fn engine(&self) -> WasmEngine {
        self.with(WasmEngine::builder())
    }

    fn with(&self, builder: WasmEngineBuilder) -> WasmEngine {
        builder.slots(4).cache(ArtifactCache::open(&self.0).unwrap()).build().unwrap()
    }

    fn artifacts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
    }

    fn artifact(&self) -> PathBuf {
        let mut artifacts = self.artifacts();
        assert_eq!(artifacts.len(), 1);
        artifacts.remove(0)
    }
}

/// Puts other bytes under the name of an artifact. Not into the file itself: it is mapped by whoever still has its component, the
/// threads of a pool that closed a moment ago too.
fn replace(artifact: &Path, bytes: &[u8]) {
    let other = artifact.with_extension("other");
    fs::write(&other, bytes).unwrap();
    fs::rename(&other, artifact).unwrap();
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn seven(engine: &WasmEngine) -> WasmComponent {
    engine.component(&number_bytes("(i32.const 7)")).unwrap()
}

#[track_caller]
fn runs(component: &WasmComponent) {
    let pool = WasmPool::build(component, Number, WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (7,));
    super::support::closes_balanced(&pool);
}

/// Why a component was compiled.
#[track_caller]
fn compiled(component: &WasmComponent) -> &Unfit {
    match component.origin() {
        Origin::Compiled { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_compiled_once_is_loaded_from_then_on() {
    let directory = Directory::new("once");
    let engine = directory.engine();
    assert!(matches!(compiled(&seven(&engine)), Unfit::Absent));
    // The same engine, and another as in another process.
    for engine in [&engine, &directory.engine()] {
        let component = seven(engine);
        assert!(matches!(component.origin(), Origin::Loaded { .. }));
        runs(&component);
    }
    let stats = engine.cache().unwrap().stats();
    assert_eq!((stats.compiled, stats.loaded, stats.unfit), (1, 1, 0));
}

#[test]
fn one_byte_that_is_another_is_found() {
    let directory = Directory::new("flipped");
    drop(seven(&directory.engine()));
    let whole = fs::read(directory.artifact()).unwrap();
    for at in [0, whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        replace(&directory.artifact(), &bytes);
        let engine = directory.engine();
        let component = seven(&engine);
        assert!(matches!(compiled(&component), Unfit::Damaged { bytes } if *bytes == whole.len() as u64));
        assert_eq!(engine.cache().unwrap().stats().unfit, 1);
        runs(&component);
        // In its place there is a sound one.
        assert_eq!(fs::read(directory.artifact()).unwrap(), whole);
    }
}

#[test]
fn what_is_truncated_empty_or_nothing_of_the_kind_is_compiled_anew() {
    let directory = Directory::new("truncated");
    drop(seven(&directory.engine()));
    let whole = fs::read(directory.artifact()).unwrap();
    for bytes in [&whole[..whole.len() - 1], &whole[..100], &[], b"not an artifact"] {
        replace(&directory.artifact(), bytes);
        let component = seven(&directory.engine());
        assert!(matches!(compiled(&component), Unfit::Damaged { .. }));
        runs(&component);
    }
}

#[test]
fn what_is_whole_and_wasmtime_refuses_is_compiled_anew() {
    let directory = Directory::new("foreign");
    // An artifact of an engine whose code checks for itself, under the name of one of an engine whose code does not.
    let (little, engine) = (directory.with(WasmEngine::builder().pooling(false)), directory.engine());
    drop(seven(&little));
    let foreign = directory.artifact();
    drop(seven(&engine));
    let own = directory.artifacts().into_iter().find(|path| *path != foreign).unwrap();
    let (own_name, foreign_name) = (own.file_name().unwrap().to_str().unwrap(), foreign.file_name().unwrap().to_str());
    // Component, engine, checksum.
    let forged = format!("{}{}", &own_name[..64 + 1 + 16 + 1], &foreign_name.unwrap()[64 + 1 + 16 + 1..]);
    fs::copy(&foreign, directory.0.join(forged)).unwrap();
    fs::remove_file(&own).unwrap();
    let component = seven(&directory.engine());
    let why = compiled(&component);
    // What it was about, and what is wrong with it.
    assert!(matches!(why, Unfit::Refused(_)) && why.to_string().contains("memory"), "{why}");
    runs(&component);
    // Both kinds live side by side.
    assert!(matches!(seven(&little).origin(), Origin::Loaded { .. }));
    assert_eq!(directory.artifacts().len(), 2);
}

#[test]
fn what_others_may_have_written_is_not_run() {
    let directory = Directory::new("planted");
    drop(seven(&directory.engine()));
    let artifact = directory.artifact();
    let whole = fs::read(&artifact).unwrap();
    let foreign = |why| {
        let component = seven(&directory.engine());
        assert!(matches!(compiled(&component), Unfit::Foreign), "{why}: {component:?}");
        runs(&component);
    };
    fs::set_permissions(&artifact, fs::Permissions::from_mode(0o622)).unwrap();
    foreign("others may write to it");
    let kept = directory.0.join("kept");
    fs::hard_link(&artifact, &kept).unwrap();
    foreign("it has another name, by which it may be written to");
    fs::remove_file(&artifact).unwrap();
    symlink(&kept, &artifact).unwrap();
    foreign("it leads elsewhere");
    assert_eq!(fs::read(&artifact).unwrap(), whole);
    assert!(matches!(seven(&directory.engine()).origin(), Origin::Loaded { .. }));
}

#[test]
fn another_component_has_another_artifact() {
    let directory = Directory::new("stale");
    let engine = directory.engine();
    drop(engine.component(&number_bytes("(i32.const 8)")).unwrap());
    let component = seven(&engine);
    assert!(matches!(compiled(&component), Unfit::Absent));
    runs(&component);
}

#[test]
fn what_was_compiled_without_source_lines_is_not_for_an_engine_with_them() {
    let directory = Directory::new("lines");
    runs(&seven(&directory.engine()));
    let with_lines = seven(&directory.with(WasmEngine::builder().source_lines(true)));
    assert!(matches!(compiled(&with_lines), Unfit::Absent));
    runs(&with_lines);
    let mut sizes: Vec<_> = directory.artifacts().iter().map(|path| fs::metadata(path).unwrap().len()).collect();
    sizes.sort_unstable();
    assert!(sizes.len() == 2 && sizes[0] < sizes[1], "{sizes:?}");
}

#[test]
fn threads_that_want_the_same_component_compile_it_once() {
    let directory = Directory::new("together");
    let engine = directory.engine();
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| runs(&seven(&directory.engine()))))));
    assert_eq!(directory.artifacts().len(), 1);
    runs(&seven(&engine));
    assert_eq!(engine.cache().unwrap().stats().compiled, 0);
}

#[test]
fn what_cannot_be_kept_runs_all_the_same() {
    let directory = Directory::new("unkept");
    let engine = directory.engine();
    fs::remove_dir_all(&directory.0).unwrap();
    let component = seven(&engine);
    assert!(matches!(compiled(&component), Unfit::Unreadable(_)));
    assert_eq!(engine.cache().unwrap().stats().unstored, 1);
    runs(&component);
}

#[test]
fn the_directory_and_its_files_are_private() {
    let directory = Directory::new("private");
    drop(seven(&directory.engine()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.0), 0o700);
    assert_eq!(mode(&directory.artifact()), 0o600);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let directory = Directory::new("open");
    fs::create_dir(&directory.0).unwrap();
    for mode in [0o777, 0o720, 0o702, 0o1777] {
        fs::set_permissions(&directory.0, fs::Permissions::from_mode(mode)).unwrap();
        let error = ArtifactCache::open(&directory.0).unwrap_err();
        assert!(matches!(error, DirectoryError::Open { mode: its, .. } if its == mode), "{error}");
    }
    // Nor one that they may put another in the place of.
    fs::set_permissions(&directory.0, fs::Permissions::from_mode(0o777)).unwrap();
    let error = ArtifactCache::open(directory.0.join("within")).unwrap_err();
    assert!(matches!(error, DirectoryError::Replaceable { .. }), "{error}");
    // A link is no way around it.
    fs::set_permissions(&directory.0, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(directory.0.join("real")).unwrap();
    fs::set_permissions(directory.0.join("real"), fs::Permissions::from_mode(0o777)).unwrap();
    symlink(directory.0.join("real"), directory.0.join("link")).unwrap();
    assert!(matches!(ArtifactCache::open(directory.0.join("link")), Err(DirectoryError::Open { .. })));
}

#[test]
fn what_is_no_directory_is_refused() {
    let directory = Directory::new("file");
    fs::write(&directory.0, "").unwrap();
    let error = ArtifactCache::open(&directory.0).unwrap_err();
    fs::remove_file(&directory.0).unwrap();
    assert!(matches!(error, DirectoryError::NotADirectory { .. }), "{error}");
    assert!(matches!(ArtifactCache::open("/proc/none"), Err(DirectoryError::Unusable { .. })));
}
