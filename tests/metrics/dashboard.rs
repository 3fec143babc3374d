//! The dashboard for Grafana and the documentation name what is reported, and nothing else.

use serde_json::Value;
use slackwater::{Metric, MetricKind, MetricsReporter};
use std::collections::BTreeSet;

const DASHBOARD: &str = include_str!("../../docs/grafana/slackwater.json");
const DOCUMENTATION: &str = include_str!("../../docs/observability.md");

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

/// All panels but the headings of rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// The series in an expression.
fn series(expression: &str) -> Vec<&str> {
    let parts = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    parts.filter(|part| part.starts_with("slackwater_")).collect()
}

/// The metric that a series belongs to.
fn metric_of(series: &str) -> &'static Metric {
    let is_its = |metric: &&Metric| match metric.kind {
        MetricKind::Histogram => {
            let part = series.strip_prefix(metric.name);
            part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
        }
        _ => metric.name == series,
    };
    MetricsReporter::METRICS.iter().find(is_its).unwrap_or_else(|| panic!("{series} is not reported"))
}

#[test]
fn each_panel_shows_what_is_reported_and_says_what_that_is() {
    let dashboard = dashboard();
    let mut shown = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = text(panel, "title");
        assert!(!title.is_empty() && text(panel, "description").len() > 10, "{title}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title}");
        assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let (expression, legend) = (text(target, "expr"), text(target, "legendFormat"));
            let series = series(expression);
            assert!(!series.is_empty(), "{title}: {expression}");
            assert_eq!(series.len(), expression.matches("pool=~\"$pool\"").count(), "{title}: {expression}");
            for metric in series.into_iter().map(metric_of) {
                let counts = metric.kind != MetricKind::Gauge;
                let over_time = expression.contains("rate(") || expression.contains("increase(");
                assert_eq!(counts, over_time, "{title}: a counter is shown by its growth: {expression}");
                if metric.label.is_some_and(|label| !expression.contains(label)) {
                    panic!("{title}: {expression} adds up what {:?} tells apart", metric.label);
                }
                shown.insert(metric.name);
            }
            let known = ["pool"].into_iter().chain(MetricsReporter::METRICS.iter().filter_map(|metric| metric.label));
            let known: BTreeSet<_> = known.collect();
            for label in legend.split("{{").skip(1).map(|part| part.split("}}").next().unwrap()) {
                assert!(known.contains(label), "{title}: {label}");
                assert!(expression.contains(label), "{title}: {label} is not in {expression}");
            }
        }
        let unit_is_seconds = text(&panel["fieldConfig"]["defaults"], "unit") == "s";
        let seconds =
            |target: &Value| series(text(target, "expr")).iter().all(|its| metric_of(its).unit == Some("seconds"));
        assert_eq!(unit_is_seconds, targets.iter().all(seconds), "{title}");
    }
    // What is wanted of it.
    for name in [
        "utilisation_ratio",
        "waiting_threads",
        "wait_seconds",
        "errors_total",
        "resources",
        "breaker_state",
        "creations_total",
        "destructions_total",
        "weight",
        "health_score",
    ] {
        assert!(shown.contains(&*format!("slackwater_pool_{name}")), "{name} is not shown");
    }
}

#[test]
fn it_can_be_imported_and_lets_choose_data_source_and_pools() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null(), "an id belongs to one installation");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| (text(variable, "name"), text(variable, "type"))).collect();
    assert_eq!(names, [("datasource", "datasource"), ("pool", "query")]);
    let query = text(&variables[1]["query"], "query");
    assert_eq!(
        series(query).into_iter().map(|its| metric_of(its).name).collect::<Vec<_>>(),
        ["slackwater_pool_max_size"]
    );
    let all = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = all.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), all.len());
    // No two in the same place.
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
    for (at, panel) in all.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(x + w <= 24 && w > 0 && h > 0);
        let apart = |other: &Value| {
            let [ox, oy, ow, oh] = place(other);
            x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y
        };
        assert!(all[at + 1..].iter().all(apart), "{}", panel["title"]);
    }
}

#[test]
fn the_documentation_lists_each_metric_with_type_unit_labels_and_meaning() {
    let row = |metric: &Metric| {
        let Metric { name, kind, unit, label, description, .. } = metric;
        let (unit, label) = (unit.unwrap_or(""), label.map_or(String::new(), |label| format!("`{label}`")));
        format!("| `{name}` | {kind} | {unit} | {label} | {} |", description.trim_end_matches('.'))
    };
    let wanted: Vec<_> = MetricsReporter::METRICS.iter().map(row).collect();
    let listed: Vec<_> = DOCUMENTATION.lines().filter(|line| line.starts_with("| `slackwater_")).collect();
    assert!(listed == wanted, "the table in docs/observability.md should be:\n{}", wanted.join("\n"));
}
