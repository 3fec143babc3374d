//! Events of `tracing`, with fields.

use super::support::{Act, Probe, closes_balanced};
use parking_lot::Mutex;
use slackwater::{Keeper, Pool, VirtualClock};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An event: its level, its target and its fields.
#[derive(Clone, Debug)]
struct Heard {
    level: Level,
    target: String,
    fields: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Heard>>>);

struct Fields<'f>(&'f mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "slackwater"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let (level, target) = (*event.metadata().level(), event.metadata().target().to_owned());
        self.0.lock().push(Heard { level, target, fields });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_happens_is_an_event_with_fields_where_somebody_subscribes() {
    let (listener, clock) = (Listener::default(), VirtualClock::new());
    tracing::subscriber::with_default(listener.clone(), || {
        let pool = Pool::builder(Probe::new()).name("traced").keeper(Keeper::Manual).clock(&clock).ceiling(4);
        let pool = pool.build().unwrap();
        pool.manager().is_broken.next([Act::Fail]);
        drop(pool.checkout().unwrap());
        pool.resize(1, 3).unwrap();
        pool.manager().check.next([Act::Panic]);
        pool.tick();
        pool.checkout().unwrap().mark_suspect();
        pool.tick();
        closes_balanced(&pool);
    });
    let heard = listener.0.lock().clone();
    let with = |fields: &[(&str, &str)]| {
        let has =
            |heard: &&Heard| fields.iter().all(|(key, value)| heard.fields.get(*key).map(|it| &**it) == Some(*value));
        heard.iter().find(has).unwrap_or_else(|| panic!("no {fields:?} in {heard:#?}")).clone()
    };
    let born = with(&[("event", "transition"), ("from", "initializing"), ("to", "ready"), ("reason", "created")]);
    assert_eq!((born.level, born.target.as_str()), (Level::DEBUG, "slackwater"));
    assert_eq!(born.fields["resource"], "0#0", "{born:?}");
    assert_eq!(born.fields["pool"], "pool \"traced\"");
    assert!(
        born.fields["message"].contains("initializing -> ready") && born.fields["after_seconds"].parse::<f64>().is_ok()
    );
    assert!(!born.fields.contains_key("waiting"), "fields of other events are left out: {born:?}");
    assert_eq!(with(&[("event", "transition"), ("from", "busy"), ("reason", "broken")]).level, Level::WARN);
    assert_eq!(with(&[("event", "resized"), ("from", "1"), ("to", "3")]).level, Level::INFO);
    assert_eq!(with(&[("event", "closing"), ("in_use", "0"), ("waiting", "0")]).level, Level::INFO);
    with(&[("event", "closed")]);
    let panicked = heard.iter().find(|heard| heard.fields["message"].contains("panicked")).unwrap();
    assert_eq!((panicked.level, &*panicked.fields["pool"]), (Level::ERROR, "pool \"traced\""));
}
