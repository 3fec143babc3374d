//! What the tests run: the guest that misbehaves on request, and small ones written as text.

use slackwater::wasm::{
    ArtifactCache, ExtractionError, Held, Query, WasmComponent, WasmEngine, WasmExtractor, WasmOptions, World,
};
use wasmtime::StoreContextMut;
use wasmtime::component::{Instance, TypedFunc};

pub const MISBEHAVING: &[u8] = include_bytes!("../../guest/misbehaving.wasm");
pub const IMPORTING: &[u8] = include_bytes!("../../guest/importing.wasm");

/// Where guests are kept compiled, for all tests.
pub fn cache() -> ArtifactCache {
    ArtifactCache::open(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-artifacts")).unwrap()
}

/// An engine of the test's own.
pub fn engine() -> WasmEngine {
    WasmEngine::builder().slots(16).cache(cache()).build().unwrap()
}

/// A pool of two instances that do what their queries say.
pub fn misbehaving(options: WasmOptions) -> WasmExtractor {
    misbehaving_in(&engine(), options)
}

pub fn misbehaving_in(engine: &WasmEngine, options: WasmOptions) -> WasmExtractor {
    let component = engine.component(MISBEHAVING).unwrap();
    WasmExtractor::build(&component, options, |pool| pool.max_size(2)).unwrap()
}

/// What one command gives.
pub fn command(extractor: &WasmExtractor, command: &str) -> Result<String, ExtractionError> {
    let mut lists = extractor.extract("", &[Query::css(command)])?;
    Ok(lists.swap_remove(0).swap_remove(0))
}

/// A world of one function.
pub struct Number;

impl World for Number {
    type Host = ();
    type Exports = TypedFunc<(), (u32,)>;

    fn host(&self) {}

    fn bind(&self, instance: &Instance, mut store: StoreContextMut<'_, Held<()>>) -> wasmtime::Result<Self::Exports> {
        instance.get_typed_func(&mut store, "number")
    }
}

/// A component whose `number` is that of the core function with this body; it may use a global `$n` and a memory of a page.
pub fn number(engine: &WasmEngine, body: &str) -> WasmComponent {
    engine.component(&number_bytes(body)).unwrap()
}

pub fn number_bytes(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (global $n (mut i32) (i32.const 0))
                (func (export "number") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func (export "number") (result u32) (canon lift (core func $i "number"))))"#
    );
    wat::parse_str(text).unwrap()
}
