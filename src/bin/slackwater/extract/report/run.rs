//! The parts of a report that say what was run, and how its pools fared.

use std::fmt::Write;
use std::path::PathBuf;

use slackwater::{DestroyReason, Health, Snapshot};

use super::super::fields::Kind;
use super::text::{self, Foreign};
use super::{Outcome, Setting, machine};

/// Inputs that are listed, and characters of a command line.
const INPUTS: usize = 20;
const COMMAND: usize = 2_000;

/// What was run, on what, and when.
pub fn setting(setting: &Setting, outcome: &Outcome) -> String {
    let mut html = String::from("<dl class=\"facts\">\n");
    let mut fact = |name: &str, value: &str| html += &format!("<dt>{name}</dt><dd>{value}</dd>\n");
    fact("command", &format!("<code id=\"command\">{}</code>", Foreign(&command(setting))));
    fact("inputs", &inputs(&setting.inputs));
    if let Some(recipe) = &setting.recipe {
        fact("recipe", &format!("<code>{}</code>", Foreign(&recipe.to_string_lossy())));
    }
    fact("fields", &fields(&setting.fields));
    let order = if setting.ordered { ", in the order of the input" } else { ", as they were ready" };
    let lines_to = match setting.lines_to.as_str() {
        "-" => "standard output".to_owned(),
        path => format!("<code>{}</code>", Foreign(path)),
    };
    fact("lines", &format!("to {lines_to}{order}"));
    let Setting { threads, pool_size, max_bytes, .. } = setting;
    fact("threads", &text::count(*threads as u64));
    fact("extractors", &format!("{pool_size} of each kind"));
    fact("largest page taken", &text::bytes(*max_bytes));
    fact("begin", &text::moment(setting.begun));
    fact("end", &text::moment(setting.begun + outcome.took));
    fact("machine", &Foreign(&machine::describe()).to_string());
    fact("version", concat!("slackwater ", env!("CARGO_PKG_VERSION")));
    html.push_str("</dl>\n");
    html
}

/// As it could be typed again.
fn command(setting: &Setting) -> String {
    let mut command = String::new();
    let mut arguments = setting.command.iter().map(|argument| argument.to_string_lossy());
    // Where the program lies on this machine is nobody's business elsewhere.
    let program = arguments.next().map(|path| path.rsplit(['/', '\\']).next().unwrap_or(&path).to_owned());
    command.push_str(&program.unwrap_or_default());
    for argument in arguments {
        if command.len() > COMMAND {
            command.push_str(" ...");
            break;
        }
        let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            let _ = write!(command, " {argument}");
        } else {
            let _ = write!(command, " '{}'", argument.replace('\'', r"'\''"));
        }
    }
    command
}

fn inputs(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "the pages bundled with the program".to_owned();
    }
    let names = paths.iter().take(INPUTS).map(|path| format!("<code>{}</code>", Foreign(&path.to_string_lossy())));
    let names = names.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(INPUTS) {
        0 => names,
        more => format!("{names} and {} more", text::count(more as u64)),
    }
}

fn fields(fields: &[(Kind, String)]) -> String {
    let mut html = String::from("<ul class=\"plain\">");
    for (kind, field) in fields {
        let kind = match kind {
            Kind::Css => "css",
            Kind::Regex => "regex",
        };
        let _ = write!(html, "<li><span class=\"key {kind}\"></span>{kind} <code>{}</code></li>", Foreign(field));
    }
    html.push_str("</ul>");
    html
}

/// The pools: what they made and lost, how they were used, how well they were at the end.
pub fn pools(pools: &[Snapshot]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\"><table id=\"pools\"><caption>Pools at the end of the run</caption><thead><tr><th scope=\"col\"></th>",
    );
    for pool in pools {
        let _ = write!(html, "<th scope=\"col\">{}</th>", Foreign(pool.name.as_deref().unwrap_or("unnamed")));
    }
    html.push_str("</tr></thead><tbody>\n");
    let mut row = |name: &str, cell: &dyn Fn(&Snapshot) -> String| {
        let _ = write!(html, "<tr><th scope=\"row\">{name}</th>");
        pools.iter().for_each(|pool| html += &format!("<td>{}</td>", cell(pool)));
        html.push_str("</tr>\n");
    };
    row("health", &health);
    row("extractors alive", &|pool| format!("{} of {}", pool.stats.total, pool.stats.max_size));
    row("created", &|pool| text::count(pool.stats.created));
    row("time to create one", &|pool| {
        let create = &pool.latencies.create;
        if create.is_empty() { "–".to_owned() } else { format!("{} on average", text::span(create.mean())) }
    });
    row("creations that failed", &|pool| text::count(pool.stats.create_failures));
    row("destroyed", &|pool| text::count(pool.stats.destroyed.total()));
    for reason in DestroyReason::ALL {
        if pools.iter().any(|pool| pool.stats.destroyed.by(reason) > 0) {
            row(&format!("&emsp;{reason}"), &|pool| text::count(pool.stats.destroyed.by(reason)));
        }
    }
    row("checkouts", &|pool| text::count(pool.stats.checkouts));
    row("&emsp;of the thread's last extractor", &|pool| {
        text::percent(pool.stats.affinity_hits() as f64, pool.stats.checkouts as f64)
    });
    row("&emsp;after a wait in the queue", &|pool| text::count(pool.stats.waits));
    row("&emsp;refused", &|pool| text::count(pool.stats.timeouts + pool.stats.rejected));
    html.push_str("</tbody></table></div>\n");
    html
}

fn health(pool: &Snapshot) -> String {
    let health = Health::of(pool);
    let class = if health.is_well() { "good" } else { "bad" };
    let mut html = format!("<span class=\"pill {class}\">{}</span> {} of 100", health.level, health.score);
    for reason in &health.reasons {
        let _ = write!(html, "<br><span class=\"note\">{}</span>", Foreign(&reason.to_string()));
    }
    html
}
