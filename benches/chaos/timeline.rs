//! One glance: what each contestant answered and failed, a tenth of a second a column.

use std::time::Duration;

use crate::callers::Outcome;
use crate::plan::Plan;
use crate::ride::Ride;

const COLUMN: Duration = Duration::from_millis(100);

/// Eighths of a line's height.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Prints the plan's phases over a line of answers and a line of failures for each contestant.
pub fn print(plan: &Plan, rides: &[Ride]) {
    let columns = plan.length().div_duration_f64(COLUMN).ceil() as usize;
    let counts: Vec<[Vec<usize>; 2]> = rides.iter().map(|ride| count(ride, columns)).collect();
    let most = counts.iter().flatten().flatten().copied().max().unwrap_or(0).max(1);
    let width = rides.iter().map(|ride| ride.name.len()).max().unwrap_or(0);
    println!("\nRequests that ended in each tenth of a second; a full bar is {most}");
    println!("{:width$}           {}", "", phases(plan, columns));
    for (ride, counts) in rides.iter().zip(&counts) {
        for (what, name, counts) in [("answered", ride.name, &counts[0]), ("failed", "", &counts[1])] {
            let bars: String = counts.iter().map(|&count| bar(count, most)).collect();
            println!("{name:width$} {what:>8} |{}|", bars);
        }
    }
}

/// The phases' names, each where it begins, cut off where the next begins. Calm is silent.
fn phases(plan: &Plan, columns: usize) -> String {
    let mut line = vec![' '; columns];
    for phase in &plan.phases {
        let column = |at: Duration| (at.div_duration_f64(COLUMN) as usize).min(columns);
        let place = &mut line[column(phase.begins)..column(phase.begins + phase.lasts)];
        let calm = phase.name == "calm";
        let text = if calm { String::new() } else { format!("|{}", phase.name) };
        let rest = std::iter::repeat(if calm { ' ' } else { '.' });
        place.iter_mut().zip(text.chars().chain(rest)).for_each(|(cell, letter)| *cell = letter);
    }
    line.into_iter().collect()
}

fn count(ride: &Ride, columns: usize) -> [Vec<usize>; 2] {
    let mut counts = [vec![0; columns], vec![0; columns]];
    for request in &ride.requests {
        let column = (request.ended - ride.began).div_duration_f64(COLUMN) as usize;
        let failed = usize::from(request.outcome != Outcome::Answered);
        if let Some(count) = counts[failed].get_mut(column) {
            *count += 1;
        }
    }
    counts
}

/// Anything at all is to be seen.
fn bar(count: usize, most: usize) -> char {
    BARS[(count * (BARS.len() - 1)).div_ceil(most).min(BARS.len() - 1)]
}
