//! Pools under names, for applications that want them: found without a lock, seen together, closed together.

mod error;
mod view;

pub use error::{RegisterError, RegisterReason, RegistryError};
pub use view::AnyPool;

use crate::keeper::Deadline;
use crate::manager::Manager;
use crate::near::nearest;
use crate::observe::Snapshot;
use crate::pool::{CloseReport, Pool};
use parking_lot::Mutex;
use std::any::type_name;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};

/// Pools of any types, each under a name.
///
/// Whoever has the registry finds a pool by its name and its manager's type, and gets a handle. So a manager that shall be found needs a type that
/// can be written down; a closure has none. A lookup takes no lock: it walks past the names in their order, so it is meant for some dozens
/// of pools, and whoever asks often keeps the handle. A registry keeps a handle of each pool: none closes before it is removed, closed, or
/// the registry goes. A manager that holds the registry, or a handle of its own pool, keeps all of them alive for ever: it should have the
/// handles of the pools that it uses.
///
/// Whoever looks has a handle for a moment, and [`pools`](Self::pools) gives handles away. If the registry and all others let go meanwhile, that one is the last, and
/// the pool ends on the thread that looked: [`close`](Self::close) first where that matters.
///
/// When to use which: a *field* for a pool that the code which uses it can be given. `Registry` for pools of several types that are set up
/// in one place, and used, watched and closed in others. [`KeyedPool`](crate::KeyedPool) for many pools of *one* type whose keys are
/// values (a host, a tenant), built when they are first asked for. [`checkout_for`](Pool::checkout_for) for sessions, which are many more than
/// resources, within one pool.
///
/// ```
/// use slackwater::{Manager, Pool, Registry, RegistryError};
/// use std::time::Duration;
///
/// struct Parsers;
///
/// impl Manager for Parsers {
///     type Resource = String;
///     type Error = std::io::Error;
///
///     fn create(&self) -> Result<String, std::io::Error> {
///         Ok(String::from("a parser"))
///     }
/// }
///
/// let registry = Registry::new();
/// registry.register("css", Pool::builder(Parsers).name("css").build()?)?;
///
/// assert_eq!(*registry.get::<Parsers>("css")?.checkout()?, "a parser");
/// let missing = registry.get::<Parsers>("scs").unwrap_err();
/// assert!(missing.to_string().contains("did you mean \"css\""), "{missing}");
///
/// assert!(registry.close(Duration::from_secs(5)).iter().all(|(_, report)| report.is_complete()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Registry {
    /// Those that were ever registered, the first one first. Only ever added to, under the lock below, so that a look needs none.
    first: OnceLock<Box<Node>>,
    order: Mutex<Order>,
}

/// One registration. What was removed leaves its node behind, which is then nobody's: about 100 bytes, until the registry goes.
struct Node {
    name: Arc<str>,
    /// Weak, so that who removes a pool has it.
    entry: Weak<Entry>,
    next: OnceLock<Box<Node>>,
}

struct Entry {
    name: Arc<str>,
    pool: Arc<dyn AnyPool>,
    /// Set under the lock, and asked by each look: others may be looking at the entry, which keeps its node's way to it open.
    is_removed: AtomicBool,
}

/// Who is registered, in order, and who needs whom.
#[derive(Default)]
struct Order {
    entries: Vec<Arc<Entry>>,
    /// The first uses the second.
    uses: Vec<(Arc<str>, Arc<str>)>,
    closed: bool,
}

impl Node {
    /// The pool that is registered here, if it still is.
    fn entry(&self) -> Option<Arc<Entry>> {
        registered(&self.entry)
    }
}

fn registered(entry: &Weak<Entry>) -> Option<Arc<Entry>> {
    entry.upgrade().filter(|entry| !entry.is_removed.load(SeqCst))
}

impl Order {
    fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| &*entry.name == name)
    }

    /// Whether `name` uses `other`, itself or through others.
    fn leads(&self, name: &str, other: &str) -> bool {
        let mut reached = vec![name];
        let mut at = 0;
        // Each once: there may be many ways to it.
        while let Some(&user) = reached.get(at) {
            for (_, used) in self.uses.iter().filter(|(other, _)| **other == *user) {
                if !reached.contains(&&**used) {
                    reached.push(&**used);
                }
            }
            at += 1;
        }
        reached.contains(&other)
    }

    /// Who uses others before those; else the last registered first.
    fn to_close(&self) -> Vec<Arc<Entry>> {
        let (mut left, mut sorted) = (self.entries.clone(), Vec::new());
        while !left.is_empty() {
            let is_used = |entry: &Entry| {
                let users = self.uses.iter().filter(|(_, used)| *used == entry.name);
                users.into_iter().any(|(user, _)| left.iter().any(|other| other.name == *user))
            };
            // There is one: `depends` refuses circles.
            let at = left.iter().rposition(|entry| !is_used(entry)).unwrap_or(left.len() - 1);
            sorted.push(left.remove(at));
        }
        sorted
    }
}

impl Registry {
    /// Without pools.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers `pool` under `name`, which may differ from the pool's own.
    ///
    /// # Errors
    /// If the name is taken, or the registry was closed: with the pool, which is as it was.
    pub fn register<M: Manager>(&self, name: impl Into<Arc<str>>, pool: Pool<M>) -> Result<(), RegisterError<M>> {
        let name = name.into();
        let mut order = self.order.lock();
        let reason = match order.find(&name) {
            _ if order.closed => Some(RegisterReason::Closed),
            Some(entry) => Some(RegisterReason::Taken { by: entry.pool.manager_type() }),
            None => None,
        };
        if let Some(reason) = reason {
            drop(order);
            return Err(RegisterError { name, reason, pool });
        }
        let is_removed = AtomicBool::new(false);
        let entry = Arc::new(Entry { name: Arc::clone(&name), pool: Arc::new(pool), is_removed });
        let node = Node { name, entry: Arc::downgrade(&entry), next: OnceLock::new() };
        let mut at = &self.first;
        while let Some(taken) = at.get() {
            at = &taken.next;
        }
        // Nobody adds beside us.
        let _ = at.set(Box::new(node));
        order.entries.push(entry);
        Ok(())
    }

    /// States that the pool `name` uses the pool `on`, by its manager or by those who hold its resources: it is closed before that one, whichever
    /// was registered first.
    ///
    /// # Errors
    /// [`Missing`](RegistryError::Missing) for either; [`Circular`](RegistryError::Circular) if `on` uses `name` already, or is it.
    pub fn depends(&self, name: &str, on: &str) -> Result<(), RegistryError> {
        let mut order = self.order.lock();
        let named = |wanted: &str| order.find(wanted).map(|entry| Arc::clone(&entry.name));
        let (Some(user), Some(used)) = (named(name), named(on)) else {
            let missing = if named(name).is_none() { name } else { on };
            drop(order);
            return Err(self.missing(missing));
        };
        if order.leads(&used, &user) {
            return Err(RegistryError::Circular { name: user, on: used });
        }
        if !order.uses.iter().any(|(one, other)| (one, other) == (&user, &used)) {
            order.uses.push((user, used));
        }
        Ok(())
    }

    /// A handle of the pool `name`. Takes no lock.
    ///
    /// # Errors
    /// [`Missing`](RegistryError::Missing) and [`WrongType`](RegistryError::WrongType).
    pub fn get<M: Manager>(&self, name: &str) -> Result<Pool<M>, RegistryError> {
        let entry = self.nodes().filter(|node| &*node.name == name).find_map(Node::entry);
        typed(&*entry.ok_or_else(|| self.missing(name))?)
    }

    /// Takes the pool `name` out: the name is free, and what it was said to use, or to be used by, forgotten. It goes on as before.
    ///
    /// # Errors
    /// As [`get`](Self::get); then nothing has changed.
    pub fn remove<M: Manager>(&self, name: &str) -> Result<Pool<M>, RegistryError> {
        let mut order = self.order.lock();
        let Some(at) = order.entries.iter().position(|entry| &*entry.name == name) else {
            drop(order);
            return Err(self.missing(name));
        };
        let pool = typed(&order.entries[at])?;
        let entry = order.entries.remove(at);
        entry.is_removed.store(true, SeqCst);
        order.uses.retain(|(user, used)| &**user != name && &**used != name);
        drop(order);
        drop(entry);
        Ok(pool)
    }

    /// All names, in the order of registration.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.entries().map(|entry| Arc::clone(&entry.name)).collect()
    }

    /// All pools whatever their types, in the order of registration: for observation. Takes no lock. Each is a handle, and
    /// keeps its pool alive.
    pub fn pools(&self) -> Vec<(Arc<str>, Arc<dyn AnyPool>)> {
        self.entries().map(|entry| (Arc::clone(&entry.name), Arc::clone(&entry.pool))).collect()
    }

    /// All that can be seen of each, in the order of registration.
    pub fn snapshots(&self) -> Vec<(Arc<str>, Snapshot)> {
        self.entries().map(|entry| (Arc::clone(&entry.name), entry.pool.snapshot())).collect()
    }

    /// Closes all, one after the other, and tells of each in that order: first those that [use](Self::depends) others, else the last registered
    /// first. They share the deadline: each has what those before it left, and whoever has nothing left still refuses checkouts and destroys
    /// what is free. What is [removed](Self::remove) before its turn is left open. Nothing can be registered from now on; lookups find closed pools. Closing again waits again, and reports anew.
    ///
    /// # Blocking
    /// As [`Pool::close`] of all of them, until the deadline, which is by the system's clock for pools with a [`VirtualClock`](crate::VirtualClock) too. Beyond it
    /// each may take another second until its own threads have ended.
    pub fn close(&self, deadline: impl Into<Deadline>) -> Vec<(Arc<str>, CloseReport)> {
        let deadline = deadline.into().instant();
        let in_order = {
            let mut order = self.order.lock();
            order.closed = true;
            order.to_close().iter().map(Arc::downgrade).collect::<Vec<_>>()
        };
        // Looked up again at its turn: what was removed since is its remover's.
        let mut close = |entry| {
            let entry = {
                let _order = self.order.lock();
                registered(entry)?
            };
            Some((Arc::clone(&entry.name), entry.pool.close(deadline.into())))
        };
        in_order.iter().filter_map(&mut close).collect()
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.first.get(), |node| node.next.get()).map(|node| &**node)
    }

    fn entries(&self) -> impl Iterator<Item = Arc<Entry>> {
        self.nodes().filter_map(Node::entry)
    }

    #[cold]
    fn missing(&self, name: &str) -> RegistryError {
        let known = self.names();
        let nearest = nearest(name, known.iter().map(|known| &**known)).map(Arc::from);
        RegistryError::Missing { name: name.into(), nearest, known }
    }
}

fn typed<M: Manager>(entry: &Entry) -> Result<Pool<M>, RegistryError> {
    let pool = entry.pool.as_any().downcast_ref::<Pool<M>>();
    pool.cloned().ok_or_else(|| RegistryError::WrongType {
        name: Arc::clone(&entry.name),
        wanted: type_name::<M>(),
        is: entry.pool.manager_type(),
    })
}

impl Drop for Registry {
    /// Lets the pools go in the order in which `close` closes them.
    fn drop(&mut self) {
        let order = self.order.get_mut();
        let in_order = order.to_close();
        order.entries.clear();
        in_order.into_iter().for_each(drop);
        // Link by link: not each in the drop of the one before it.
        let mut next = self.first.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries().map(|entry| (Arc::clone(&entry.name), entry.pool.manager_type()))).finish()
    }
}
