//! How long threads wait for a resource, by how much of the pool is in use: a simulation, and its plot.
//! Run: cargo run --example sizes [FILE.svg]
//!
//! Requests come independently of each other (Poisson), each holds a resource for a time drawn from an exponential
//! distribution, and those that find none free wait in order. Simulated, so that it is the same for everybody: a queue is
//! arithmetic, and no machine's scheduler is in it. Times are in mean holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;

/// Resources in use on average: the rate of requests times the mean hold, which is Little's law.
const LOADS: [usize; 3] = [2, 8, 32];
const REQUESTS: usize = 400_000;
/// The queue is empty at the beginning, which is not how it is later.
const LEFT_OUT: usize = REQUESTS / 10;

/// SplitMix64: the same numbers in each run.
struct Dice(u64);

impl Dice {
    /// From an exponential distribution with mean 1.
    fn exponential(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        // From 0, which is left out, to 1.
        let uniform = ((word >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        -uniform.ln()
    }
}

/// A time that can be ordered: none of them is negative, so their bits are in the same order.
fn ordered(time: f64) -> u64 {
    time.to_bits()
}

/// What came of one load on a pool of one size.
struct Outcome {
    size: usize,
    in_use: f64,
    mean: f64,
    p99: f64,
    waited: f64,
}

/// Has `load` resources in use on average in a pool of `size`.
fn simulate(load: usize, size: usize) -> Outcome {
    let mut dice = Dice(1);
    let (mut now, mut busy) = (0.0, 0.0);
    // When each resource is free again, the earliest first.
    let mut free: BinaryHeap<_> = (0..size).map(|_| Reverse(ordered(0.0))).collect();
    let mut waits = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        now += dice.exponential() / load as f64;
        let hold = dice.exponential();
        let Reverse(earliest) = free.pop().expect("there is one");
        let begins = now.max(f64::from_bits(earliest));
        free.push(Reverse(ordered(begins + hold)));
        waits.push(begins - now);
        busy += hold;
    }
    let counted = &mut waits[LEFT_OUT..];
    counted.sort_unstable_by(f64::total_cmp);
    let many = counted.len() as f64;
    Outcome {
        size,
        in_use: busy / now / size as f64,
        mean: counted.iter().sum::<f64>() / many,
        p99: counted[counted.len() * 99 / 100],
        waited: counted.iter().filter(|wait| **wait > 0.0).count() as f64 / many,
    }
}

/// The share of requests that wait, by A. K. Erlang's formula of 1917: what the simulation has to come to.
fn erlang(load: usize, size: usize) -> f64 {
    let load = load as f64;
    // The share of those refused by a pool in which nobody waits, which grows by one resource at a time.
    let refused = (1..=size).fold(1.0, |refused, size| load * refused / (size as f64 + load * refused));
    let size = size as f64;
    size * refused / (size - load * (1.0 - refused))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = vec![];
    println!("in use  size   share   waited  by Erlang  mean wait  p99 wait");
    for load in LOADS {
        // From just enough to where hardly anybody waits.
        let sizes = (load + 1..).step_by(1.max(load / 16));
        let outcomes: Vec<_> =
            sizes.map(|size| simulate(load, size)).take_while(|outcome| outcome.waited > 0.005).collect();
        for Outcome { size, in_use, mean, p99, waited } in &outcomes {
            let erlang = erlang(load, *size);
            assert!((waited - erlang).abs() < 0.02, "{waited} waited, and by Erlang's formula {erlang} do");
            let (share, waited, erlang) = (100.0 * in_use, 100.0 * waited, 100.0 * erlang);
            println!("{load:>6} {size:>5} {share:>6.1}% {waited:>7.2}% {erlang:>9.2}% {mean:>10.4} {p99:>9.3}");
        }
        lines.push((load, outcomes));
    }
    if let Some(file) = env::args_os().nth(1) {
        fs::write(&file, plot(&lines))?;
        println!("written to {}", file.display());
    }
    Ok(())
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
/// Of the box the curves are in: left, top, right, bottom.
const BOX: (f64, f64, f64, f64) = (70.0, 56.0, 640.0, 380.0);
const COLOURS: [&str; 3] = ["#b3541e", "#1f6f8b", "#4a4e8f"];
/// The shares and the waits that the axes have marks for.
const SHARES: [u32; 7] = [30, 40, 50, 60, 70, 80, 90];
const WAITS: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

/// The p99 of waits over the share in use, a curve for each load. What is below the lowest mark is left out.
fn plot(lines: &[(usize, Vec<Outcome>)]) -> String {
    let (left, top, right, bottom) = BOX;
    let x = |share: f64| left + (share - 0.3) / 0.7 * (right - left);
    let y = |wait: f64| bottom - (wait.log10() + 2.0) / 3.0 * (bottom - top);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <title>Wait at p99 by the share of the pool in use</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">The longest wait of 99 % of the requests, in mean holds</text>\n\
         <text x=\"{left}\" y=\"43\" fill=\"#666\">simulated by cargo run --example sizes; shaded: where `scaling` keeps a pool by default</text>\n\
         <rect x=\"{:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\" fill=\"#eef1e6\"/>\n",
        x(0.6),
        x(0.8) - x(0.6),
        bottom - top,
    );
    for share in SHARES {
        let at = x(f64::from(share) / 100.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {bottom}v5\" stroke=\"#888\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{share} %</text>",
            bottom + 20.0
        );
    }
    for wait in WAITS {
        let at = y(wait);
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{wait}</text>",
            left - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<path d=\"M{left} {bottom}H{right}\" stroke=\"#888\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">share of the pool in use, on average</text>",
        (left + right) / 2.0,
        bottom + 44.0
    );
    for ((load, outcomes), colour) in lines.iter().zip(COLOURS) {
        let shown: Vec<_> = outcomes.iter().filter(|outcome| outcome.p99 >= WAITS[0]).collect();
        let mut path = String::new();
        for (at, outcome) in shown.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if at == 0 { "M" } else { "L" }, x(outcome.in_use), y(outcome.p99));
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        for outcome in &shown {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"><title>{} resources: {:.3}</title></circle>",
                x(outcome.in_use),
                y(outcome.p99),
                outcome.size,
                outcome.p99
            );
        }
        if let Some(first) = shown.first() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\" text-anchor=\"middle\">{load} in use</text>",
                x(first.in_use),
                y(first.p99) - 10.0
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
