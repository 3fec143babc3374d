use slackwater::*;
use std::hint::black_box;
type F = fn() -> Result<u64, String>;
#[inline(never)]
#[unsafe(no_mangle)]
fn zz_one(pool: &Pool<F>) {
    let mut g = pool.checkout().unwrap();
    *g += 1;
    drop(black_box(g));
}
#[inline(never)]
fn zz_two(pool: &Pool<F>) {
    drop(black_box(pool.checkout().unwrap()));
}
#[inline(never)]
fn zz_three(pool: &Pool<F>) {
    drop(pool.checkout().unwrap());
}
fn main() {
    for keeper in [Keeper::Manual, Keeper::Thread] {
        let pool = Pool::builder((|| Ok(0u64)) as F).max_size(16).keeper(keeper).build().unwrap();
        for (n, f) in [("one", zz_one as fn(&Pool<F>)), ("two", zz_two), ("three", zz_three)] {
            let mut best = f64::MAX;
            for _ in 0..5 {
                let t = std::time::Instant::now();
                for _ in 0..5_000_000 {
                    f(&pool)
                }
                best = best.min(t.elapsed().as_nanos() as f64 / 5e6);
            }
            println!("{keeper:?} {n} {best:.2} ns");
        }
        let mut best = f64::MAX;
        for _ in 0..5 {
            let t = std::time::Instant::now();
            for _ in 0..5_000_000 {
                let mut g = pool.checkout().unwrap();
                *g += 1;
                drop(g);
            }
            best = best.min(t.elapsed().as_nanos() as f64 / 5e6);
        }
        println!("{keeper:?} inline {best:.2} ns");
        let mut best = f64::MAX;
        for _ in 0..5 {
            let t = std::time::Instant::now();
            for _ in 0..5_000_000 {
                let mut g = black_box(pool.checkout().unwrap());
                *g += 1;
                drop(g);
            }
            best = best.min(t.elapsed().as_nanos() as f64 / 5e6);
        }
        println!("{keeper:?} inline bb {best:.2} ns");
        let lap: Box<dyn Fn(u64)> = Box::new({
            let pool = pool.clone();
            move |n| {
                for _ in 0..n {
                    let mut g = black_box(pool.checkout().unwrap());
                    *g += 1;
                    drop(g);
                }
            }
        });
        let mut best = f64::MAX;
        for _ in 0..5 {
            let t = std::time::Instant::now();
            lap(5_000_000);
            best = best.min(t.elapsed().as_nanos() as f64 / 5e6);
        }
        println!("{keeper:?} closure bb {best:.2} ns");
    }
}
