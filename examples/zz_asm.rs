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
fn main() {
    let pool = Pool::builder((|| Ok(0u64)) as F).max_size(16).build().unwrap();
    for _ in 0..3 {
        let t = std::time::Instant::now();
        for _ in 0..10_000_000 {
            zz_one(&pool)
        }
        println!("{:.2} ns", t.elapsed().as_nanos() as f64 / 1e7);
    }
}
