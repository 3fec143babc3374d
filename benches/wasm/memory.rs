//! What an instance takes of memory, and what a hundred thousand of them leave behind.

use std::fs;

use slackwater::Manager;
use slackwater::wasm::{Extraction, WasmInstance, WasmManager};

use crate::contestants::{component, engine, extractor, fresh, queries};
use crate::harness::Bound::AtMost;
use crate::harness::{Options, Table, Wanted};
use crate::sample;

const INSTANCES: usize = 32;

/// KiB that are resident, and of them what is this process's alone; and the address space.
#[derive(Clone, Copy)]
struct Memory {
    resident: f64,
    private: f64,
    space: f64,
}

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let Some(before) = now() else {
        println!("\nmemory: only Linux tells");
        return;
    };
    let engine = engine(|engine| engine);
    let space = now().map_or(f64::NAN, |after| (after.space - before.space) / 1024.0 / 1024.0);
    println!(
        "\nmemory: {:?}, {} slots; the address space of the process grew by {space:.0} GiB",
        engine.allocation(),
        engine.slots()
    );
    each(&engine);
    flat(options, &engine, wanted);
}

/// The same number of instances at different times of their lives.
fn each(engine: &slackwater::wasm::WasmEngine) {
    let manager = WasmManager::new(&component(engine), Extraction, fresh()).expect("an extractor");
    let page = sample::pages(2).map(|(_, pages)| pages).unwrap_or_default();
    let page = page.iter().min_by_key(|page| page.len().abs_diff(50_000)).cloned().unwrap_or_default();
    let queries = queries();
    let call = |instance: &mut WasmInstance<Extraction>, page: &str| {
        let answer = instance.call(|extractor, store| extractor.extract(store, page, &queries));
        assert!(answer.is_ok_and(|answer| answer.is_ok()));
    };
    // What is made once, for all, is there before the counting.
    call(&mut manager.create().expect("an instance"), &page);
    let Some(before) = now() else { return };
    let mut instances: Vec<_> = (0..INSTANCES).map(|_| manager.create().expect("an instance")).collect();
    let mut table =
        Table::new(format!("KiB an instance, of {INSTANCES}"), &["after", "private", "resident", "linear memory"]);
    let mut row = |name: String, linear: u64| {
        let Some(after) = now() else { return };
        let each = |after: f64, before: f64| format!("{:.0}", (after - before) / INSTANCES as f64);
        let Memory { resident, private, .. } = after;
        table.row(vec![
            name,
            each(private, before.private),
            each(resident, before.resident),
            (linear / 1024).to_string(),
        ]);
    };
    row("it was made".to_owned(), instances[0].memory());
    instances.iter_mut().for_each(|instance| call(instance, "<p>x</p>"));
    row("a tiny page".to_owned(), instances[0].memory());
    instances.iter_mut().for_each(|instance| call(instance, &page));
    row(format!("a page of {} KB", page.len() / 1000), instances[0].memory());
    drop(instances);
    row("all have ended".to_owned(), 0);
    table.print();
}

/// Fresh uses, one after the other.
fn flat(options: &Options, engine: &slackwater::wasm::WasmEngine, wanted: &mut Wanted) {
    let uses = if options.rounds >= 11 { 100_000 } else { 1_000 * options.rounds };
    let extractor = extractor(engine, fresh(), 2);
    let queries = queries();
    let mut use_one = |_: usize| drop(extractor.extract("<title>t</title><h1>x</h1>", &queries).expect("an answer"));
    (0..uses / 10).for_each(&mut use_one);
    let Some(warm) = now() else { return };
    (uses / 10..uses).for_each(&mut use_one);
    let Some(after) = now() else { return };
    let usage = extractor.usage();
    println!("{uses} fresh uses: {usage:?}");
    println!("resident after a tenth of them {:.0} KiB, after all {:.0} KiB", warm.resident, after.resident);
    let grown = (after.resident - warm.resident) / 1024.0;
    wanted.add(format!("resident memory that {uses} fresh uses leave behind"), grown, " MiB", AtMost(1.0));
}

fn now() -> Option<Memory> {
    let kib = |text: &str, name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    let map = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let private = kib(&map, "Private_Clean:")? + kib(&map, "Private_Dirty:")?;
    Some(Memory { resident: kib(&map, "Rss:")?, private, space: kib(&status, "VmSize:")? })
}
