//! The server: what it shows, whom it answers, and that it keeps nothing of what it watches.

#[path = "http/client.rs"]
mod client;
#[path = "http/refusals.rs"]
mod refusals;
mod support;

use client::{get, say};
use slackwater::http::{ServeError, Server, ServerHandle};
use slackwater::{BreakerConfig, Mode, Pool, Registry, SessionMode};
use std::net::SocketAddr;
use support::{Act, Probe, closes_balanced, until};

fn serving(pool: &Pool<Probe>) -> ServerHandle {
    Server::bind("127.0.0.1:0").unwrap().pool(pool).start().unwrap()
}

fn pool(name: &str) -> Pool<Probe> {
    Pool::builder(Probe::new()).name(name).max_size(3).build().unwrap()
}

/// What `/pools.json` says of the first pool.
fn first_pool(addr: SocketAddr) -> serde_json::Value {
    get(addr, "/pools.json").json()["pools"][0].clone()
}

#[test]
fn health_is_200_while_all_pools_serve_and_503_when_one_is_closed_or_gone() {
    let (kept, other) = (pool("kept"), pool("other"));
    let server = Server::bind("127.0.0.1:0").unwrap().pool(&kept).pool(&other).start().unwrap();
    let well = get(server.addr(), "/health");
    assert_eq!((well.status, well.json()["level"].as_str()), (200, Some("healthy")));
    closes_balanced(&other);
    until(|| get(server.addr(), "/health").status == 503);
    let closed = get(server.addr(), "/health").json();
    assert_eq!(closed["pools"][1]["state"], "closed");
    assert_eq!(closed["pools"][0]["level"], "healthy");
    drop(other);
    until(|| get(server.addr(), "/health").json()["pools"][1]["state"] == "gone");
    let gone = get(server.addr(), "/health");
    assert_eq!((gone.status, gone.json()["pools"][1]["name"].as_str()), (503, Some("other")));
    assert_eq!(get(server.addr(), "/pools.json").json()["pools"][1]["state"], "gone");
    closes_balanced(&kept);
}

#[test]
fn health_is_200_while_a_pool_is_in_full_use_and_503_when_nothing_can_be_made() {
    let probe = Probe::new();
    let builder = Pool::builder(probe.clone()).max_size(1).breaker(BreakerConfig::new().failure_threshold(1));
    let pool = builder.build().unwrap();
    let server = serving(&pool);
    let all = pool.checkout().unwrap();
    until(|| first_pool(server.addr())["stats"]["in_use"] == 1);
    assert_eq!(get(server.addr(), "/health").status, 200);
    probe.create.always(Act::Fail);
    all.discard("its time has come");
    let _ = pool.try_checkout();
    until(|| first_pool(server.addr())["breaker"]["state"] == "open");
    until(|| get(server.addr(), "/health").status == 503);
    let ill = first_pool(server.addr());
    assert_eq!(ill["last_create_error"], "create was told to fail");
    assert_eq!(ill["health"]["level"], "critical");
    assert!(!ill["health"]["reasons"][0]["text"].as_str().unwrap().is_empty());
    closes_balanced(&pool);
}

#[test]
fn a_registrys_pools_are_shown_in_order_and_none_is_kept() {
    let registry = Registry::new();
    for name in ["one", "two"] {
        registry.register(name, pool(name)).unwrap();
    }
    let server = Server::bind("127.0.0.1:0").unwrap().registry(&registry).start().unwrap();
    let states = || {
        let document = get(server.addr(), "/pools.json").json();
        [0, 1].map(|nth| document["pools"][nth]["state"].as_str().unwrap().to_owned())
    };
    let two = get(server.addr(), "/pools.json").json()["pools"][1].clone();
    assert_eq!((two["name"].as_str(), states()), (Some("two"), ["open", "open"].map(str::to_owned)));
    drop(registry.remove::<Probe>("one").unwrap());
    until(|| states() == ["gone", "open"]);
    drop(registry);
    until(|| states() == ["gone", "gone"]);
}

#[test]
fn pools_json_and_metrics_tell_what_became_of_sessions() {
    let pool = pool("sessions");
    let server = serving(&pool);
    let held = pool.checkout_for("a").unwrap();
    assert!(pool.request().session(SessionMode::Fail).checkout_for("a").is_err());
    drop(held);
    drop(pool.checkout_for("a").unwrap());
    until(|| first_pool(server.addr())["sessions"]["hits"] == 1);
    let sessions = first_pool(server.addr())["sessions"].clone();
    assert_eq!((&sessions["misses"], &sessions["refused"], &sessions["rebinds"]), (&1.into(), &1.into(), &0.into()));
    let is_told = |text: &str, outcome: &str| {
        text.lines().any(|line| {
            line.starts_with("slackwater_pool_sessions_total{")
                && line.contains(&format!("outcome=\"{outcome}\""))
                && line.ends_with(" 1")
        })
    };
    until(|| {
        let text = get(server.addr(), "/metrics").body;
        ["hit", "fresh", "refused"].into_iter().all(|outcome| is_told(&text, outcome))
    });
    closes_balanced(&pool);
}

#[test]
fn pools_json_tells_the_mode_that_is_in_force() {
    let pool = pool("mode");
    let server = serving(&pool);
    for (mode, told) in [
        (Mode::Mixed { pooled: 30 }, "30 % pooled"),
        (Mode::Unpooled, "unpooled"),
        (Mode::Single, "single"),
        (Mode::Pooled, "pooled"),
    ] {
        pool.set_mode(mode).unwrap();
        until(|| first_pool(server.addr())["mode"] == told);
    }
    closes_balanced(&pool);
}

#[test]
fn pools_json_tells_who_holds_what_since_when_and_where() {
    let pool = pool("css <b>\"quoted\"</b>");
    let server = serving(&pool);
    let guard = std::thread::scope(|scope| {
        let checkout = || pool.checkout().unwrap();
        std::thread::Builder::new().name("holder".to_owned()).spawn_scoped(scope, checkout).unwrap().join().unwrap()
    });
    let (mine, line) = (pool.checkout().unwrap(), line!());
    until(|| first_pool(server.addr())["stats"]["in_use"] == 2);
    let document = get(server.addr(), "/pools.json").json();
    assert_eq!((&document["schema"], &document["version"]), (&1.into(), &env!("CARGO_PKG_VERSION").into()));
    let seen = &document["pools"][0];
    assert_eq!((&seen["name"], &seen["state"]), (&"css <b>\"quoted\"</b>".into(), &"open".into()));
    assert_eq!((&seen["stats"]["max_size"], &seen["stats"]["waiting"]), (&3.into(), &0.into()));
    assert!(seen["memory"].get("budget").is_none(), "what is not there is left out");
    let resources = seen["resources"].as_array().unwrap();
    let held: Vec<_> = resources.iter().filter_map(|resource| resource.get("holder")).collect();
    assert_eq!((resources.len(), held.len()), (3, 2));
    let ours = held.iter().find(|holder| holder["line"] == line).expect("this file's line");
    assert!(ours["file"].as_str().unwrap().ends_with("http.rs") && ours["held_seconds"].as_f64().is_some());
    assert_eq!(seen["latencies"]["wait"]["count"], 2);
    assert!(seen["interval"]["latencies"]["wait"]["count"].as_u64().unwrap() <= 2);
    let created = |step: &&serde_json::Value| step["to"] == "ready" && step["reason"] == "created";
    assert_eq!(seen["transitions"].as_array().unwrap().iter().filter(created).count(), 3);
    drop((guard, mine));
    closes_balanced(&pool);
}

#[test]
fn prometheus_is_told_of_the_pools_that_are_there() {
    let (pool, other) = (pool("css"), pool("other"));
    let server = Server::bind("127.0.0.1:0").unwrap().pool(&pool).pool(&other).start().unwrap();
    drop(pool.checkout().unwrap());
    let has = |line: &str| get(server.addr(), "/metrics").body.lines().any(|each| each == line);
    until(|| has("slackwater_pool_checkouts_total{pool=\"css\"} 1"));
    assert!(has("slackwater_pool_checkouts_total{pool=\"other\"} 0"));
    let answer = get(server.addr(), "/metrics");
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(slackwater::Scrape::CONTENT_TYPE)));
    [&pool, &other].into_iter().for_each(closes_balanced);
    drop(other);
    until(|| !get(server.addr(), "/metrics").body.contains("pool=\"other\""));
}

#[test]
fn a_pool_that_is_added_later_is_shown() {
    let (pool, later) = (pool("first"), pool("later"));
    let server = serving(&pool);
    assert_eq!(get(server.addr(), "/pools.json").json()["pools"].as_array().unwrap().len(), 1);
    server.add(&later);
    let document = get(server.addr(), "/pools.json").json();
    assert_eq!((&document["pools"][0]["name"], &document["pools"][1]["name"]), (&"first".into(), &"later".into()));
    [pool, later].iter().for_each(closes_balanced);
}

#[test]
fn a_server_keeps_no_pool_open_and_none_alive() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(1).build().unwrap();
    let server = serving(&pool);
    drop(pool.checkout().unwrap());
    assert_eq!(first_pool(server.addr())["stats"]["total"], 1);
    drop(pool);
    until(|| probe.alive() == 0 && probe.sharers() == 1);
    until(|| first_pool(server.addr())["state"] == "gone");
}

#[test]
fn a_server_that_is_stopped_or_dropped_ends_its_threads_and_frees_its_address() {
    let pool = pool("short");
    for stop in [ServerHandle::stop, drop] {
        let server = serving(&pool);
        let addr = server.addr();
        // One that never says anything.
        let silent = client::connect(addr);
        assert_eq!(get(addr, "/health").status, 200);
        stop(server);
        #[cfg(target_os = "linux")]
        until(|| support::threads_named(&format!("http-{}", addr.port())).is_empty());
        drop(silent);
        drop(Server::bind(addr).unwrap().start().expect("the address is free"));
    }
    closes_balanced(&pool);
}

#[test]
fn what_other_machines_can_reach_is_served_only_to_hosts_that_were_named() {
    let refused = Server::bind("0.0.0.0:0").unwrap().start().unwrap_err();
    assert!(matches!(refused, ServeError::Remote { .. }) && refused.to_string().contains("allow_remote"));
    let refused = Server::bind("[::]:0").unwrap().start().unwrap_err();
    assert!(matches!(refused, ServeError::Remote { .. }));
    let server = Server::bind("0.0.0.0:0").unwrap().allow_remote(["pool.example"]).start().unwrap();
    let here = SocketAddr::from(([127, 0, 0, 1], server.addr().port()));
    let status = |host: &str| say(here, format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n")).status;
    assert_eq!(["pool.example", "POOL.example:80", "localhost", "evil.example"].map(status), [200, 200, 200, 421]);
    assert_eq!(server.url(), format!("http://{here}/"));
}

#[test]
fn what_cannot_be_served_on_is_told() {
    assert!(matches!(Server::bind("no port"), Err(ServeError::Address { .. })));
    let server = Server::bind("localhost:0").unwrap().start().unwrap();
    let taken = Server::bind(server.addr()).unwrap().start().unwrap_err();
    assert!(matches!(taken, ServeError::Bind { addr, .. } if addr == server.addr()), "{taken}");
    let host = Server::bind("127.0.0.1:0").unwrap().allow_remote(["http://pool"]).start().unwrap_err();
    assert!(matches!(&host, ServeError::Host { host } if host == "http://pool"), "{host}");
}
