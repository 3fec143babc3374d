//! Any manager of r2d2's as a manager of ours.

use super::connection::Connection;
use super::event::HandleEvent;
use super::failure::{Failure, said};
use super::telling::{Event, Telling};
use super::transactions::{self, Reset};
use super::{CustomizeConnection, HandleError, ManageConnection};
use crate::manager::{Manager, ReturnOutcome, Severity};
use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Once};

type Customizer<C> = Box<dyn CustomizeConnection<<C as ManageConnection>::Connection, <C as ManageConnection>::Error>>;
type Classifier<E> = Box<dyn Fn(&E) -> Severity + Send + Sync>;

/// A [`ManageConnection`] as a [`Manager`]: `connect` makes, `is_valid` checks, `has_broken` is asked at each return, and then
/// [`recycle_by`](Self::recycle_by).
///
/// ```
/// use slackwater::Pool;
/// use slackwater::r2d2::{Adapter, ManageConnection};
/// # struct Numbers;
/// # impl ManageConnection for Numbers {
/// #     type Connection = u64;
/// #     type Error = std::io::Error;
/// #     fn connect(&self) -> Result<u64, Self::Error> { Ok(7) }
/// #     fn is_valid(&self, _: &mut u64) -> Result<(), Self::Error> { Ok(()) }
/// #     fn has_broken(&self, _: &mut u64) -> bool { false }
/// # }
///
/// let pool = Pool::builder(Adapter::whole(Numbers)).max_size(4).remove_after(1).build()?;
/// assert_eq!(**pool.checkout()?, 7);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// A connection whose `is_valid` fails is seldom worth a second try: `remove_after(1)` ends it at once.
pub struct Adapter<C: ManageConnection> {
    manager: C,
    customizer: Option<Customizer<C>>,
    errors: Errors<C::Error>,
    classifier: Option<Classifier<C::Error>>,
    returns: Returns<C::Connection>,
    reminded: Once,
    telling: Option<Arc<Telling>>,
    ends_where_found: bool,
}

/// What becomes of an error that the pool is told of.
enum Errors<E> {
    /// It is handed on as it is.
    Whole(fn(E) -> Box<dyn Error + Send + Sync>),
    /// What it says is handed on, and the error itself goes to its handler.
    Said(Option<Box<dyn HandleError<E>>>),
}

/// What becomes of a connection that comes back.
enum Returns<C> {
    /// It is as its user left it: nobody knows how to roll back, which is worth a word.
    Unknown,
    /// The same, as somebody wants it.
    Kept,
    /// What its user left open is rolled back.
    RolledBack(Reset<C>),
    By(Box<dyn Fn(&mut C) -> ReturnOutcome + Send + Sync>),
}

impl<C: ManageConnection> Adapter<C> {
    /// Of any manager. Its errors are told by their texts, sources included.
    pub fn new(manager: C) -> Self {
        Self {
            manager,
            customizer: None,
            errors: Errors::Said(None),
            classifier: None,
            returns: transactions::roll_back::<C>().map_or(Returns::Unknown, Returns::RolledBack),
            reminded: Once::new(),
            telling: None,
            ends_where_found: false,
        }
    }

    /// Of a manager whose errors may travel between threads: they come back whole, through `source()` of the pool's errors, and can
    /// be downcast there.
    pub fn whole(manager: C) -> Self
    where
        C::Error: Send + Sync,
    {
        Self { errors: Errors::Whole(|error| Box::new(error)), ..Self::new(manager) }
    }

    /// Customizes new connections, and takes over those that end. A connection that `on_acquire` refused is dropped, and never
    /// comes to `on_release`.
    pub fn customizer(mut self, customizer: Customizer<C>) -> Self {
        self.customizer = Some(customizer);
        self
    }

    /// Gets each error of `connect`, `on_acquire` and `is_valid`. Handlers take errors for good, so the pool keeps what they say:
    /// this undoes [`whole`](Self::whole).
    pub fn error_handler(mut self, handler: Box<dyn HandleError<C::Error>>) -> Self {
        self.errors = Errors::Said(Some(handler));
        self
    }

    /// Tells whether trying again can help after an error: after one that is [`Permanent`](Severity::Permanent), a wrong password
    /// say, all who wait are told at once. Default: it always can, as r2d2 has it.
    pub fn classify_by(mut self, classify: impl Fn(&C::Error) -> Severity + Send + Sync + 'static) -> Self {
        self.classifier = Some(Box::new(classify));
        self
    }

    /// Resets a connection that comes back, and says what is to become of it. Runs on the returning thread, after `has_broken`, and
    /// not for one that is to end anyway. Default: a transaction that its user left open is rolled back, where the driver is known;
    /// else nothing is reset, as r2d2 has it.
    ///
    /// | connection | known with | costs |
    /// |---|---|---|
    /// | `postgres::Client` | feature `postgres` | a round trip: `BEGIN; ROLLBACK`, or `ROLLBACK` if that fails |
    /// | `redis::Connection` | feature `redis` | a round trip: `UNWATCH` and `PING`, and `DISCARD` if those were queued |
    /// | `rusqlite::Connection` | feature `rusqlite` | nothing, unless one is open |
    /// | diesel's, of `compat::diesel::ConnectionManager` | feature `diesel` | the same of its database; MySQL's three |
    ///
    /// Connections of the first three whose feature is off are told of in the log, once.
    ///
    /// r2d2's managers have no say in this: most see that a connection is dead, few that its last user left a transaction open.
    /// Whoever wants that kept from the next user looks here, and rolls back what can be rolled back, or gives the connection up:
    ///
    /// ```
    /// use slackwater::ReturnOutcome;
    /// use slackwater::r2d2::{Adapter, ManageConnection};
    /// # struct Sessions;
    /// # struct Session;
    /// # impl Session { fn in_transaction(&self) -> bool { false } }
    /// # impl ManageConnection for Sessions {
    /// #     type Connection = Session;
    /// #     type Error = std::io::Error;
    /// #     fn connect(&self) -> Result<Session, Self::Error> { Ok(Session) }
    /// #     fn is_valid(&self, _: &mut Session) -> Result<(), Self::Error> { Ok(()) }
    /// #     fn has_broken(&self, _: &mut Session) -> bool { false }
    /// # }
    ///
    /// let adapter = Adapter::new(Sessions).recycle_by(|session| match session.in_transaction() {
    ///     true => ReturnOutcome::Broken,
    ///     false => ReturnOutcome::Healthy,
    /// });
    /// # let _ = adapter;
    /// ```
    pub fn recycle_by(mut self, recycle: impl Fn(&mut C::Connection) -> ReturnOutcome + Send + Sync + 'static) -> Self {
        self.returns = Returns::By(Box::new(recycle));
        self
    }

    /// Has connections come back as their users left them, open transactions included: the next user is in the midst of them, and their
    /// locks are held until somebody ends them. Spares the round trip that [`recycle_by`](Self::recycle_by) tells of, for programs that
    /// are sure of theirs.
    pub fn keep_transactions(mut self) -> Self {
        self.returns = Returns::Kept;
        self
    }

    /// Tells `handler` of connections that are made and that end, on the thread on which it happens. Checkouts and returns it hears
    /// of through [`compat::Pool`](super::compat::Pool) alone; a pool's own are [`PoolEvent`](crate::PoolEvent)s.
    pub fn event_handler(mut self, handler: Box<dyn HandleEvent>) -> Self {
        self.telling = Some(Arc::new(Telling::Here(handler)));
        self
    }

    /// As [`event_handler`](Self::event_handler), on a thread of its own, in the same order: a handler that is slow, or panics, holds
    /// nobody up. `capacity` events wait for it; what is more is lost, and counted in [`lost_events`](Self::lost_events).
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn event_queue(mut self, handler: Box<dyn HandleEvent>, capacity: usize) -> io::Result<Self> {
        self.telling = Some(Arc::new(Telling::elsewhere(handler, capacity)?));
        Ok(self)
    }

    /// Has whoever finds that a connection is to end, end it there and then.
    pub(super) fn ends_where_found(mut self, ends_where_found: bool) -> Self {
        self.ends_where_found = ends_where_found;
        self
    }

    /// Events that found their queue full.
    pub fn lost_events(&self) -> u64 {
        self.telling.as_ref().map_or(0, |telling| telling.lost())
    }

    /// The manager.
    pub fn manager(&self) -> &C {
        &self.manager
    }

    /// An error of the manager's as the pool takes it: for [`Checkout::on_error`](crate::Checkout::on_error), with which a holder
    /// reports what it met. The error handler gets it too.
    pub fn failure(&self, error: C::Error) -> Failure {
        let severity = self.classifier.as_ref().map_or(Severity::Transient, |classify| classify(&error));
        let error = match &self.errors {
            Errors::Whole(whole) => whole(error),
            Errors::Said(handler) => {
                let said = said(&error);
                if let Some(handler) = handler {
                    handler.handle_error(error);
                }
                said
            }
        };
        Failure { error, severity }
    }

    /// Says once that nobody rolls back, where it could be had.
    fn remind(&self) {
        if let (Returns::Unknown, Some(feature)) = (&self.returns, transactions::missing::<C::Connection>()) {
            let connection = type_name::<C::Connection>();
            self.reminded.call_once(|| {
                log::warn!(
                    "a `{connection}` is lent again as its last user left it, open transactions included: turn on {feature}, \
                     or set recycle_by, or keep_transactions if it is meant so"
                );
            });
        }
    }

    pub(super) fn tells(&self) -> bool {
        self.telling.is_some()
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(telling) = &self.telling {
            telling.tell(event());
        }
    }
}

impl<C: ManageConnection> Manager for Adapter<C> {
    type Resource = Connection<C::Connection>;
    type Error = Failure;

    fn create(&self) -> Result<Self::Resource, Failure> {
        let connection = self.manager.connect().map_err(|error| self.failure(error))?;
        self.remind();
        Ok(Connection::new(connection, self.telling.clone()))
    }

    fn warm(&self, connection: &mut Self::Resource) -> Result<(), Failure> {
        if let Some(customizer) = &self.customizer {
            customizer.on_acquire(connection).map_err(|error| self.failure(error))?;
        }
        connection.acquired();
        Ok(())
    }

    fn check(&self, connection: &mut Self::Resource) -> Result<(), Failure> {
        self.manager.is_valid(connection).map_err(|error| self.failure(error))
    }

    fn is_broken(&self, connection: &mut Self::Resource) -> bool {
        self.manager.has_broken(connection)
    }

    fn recycle(&self, connection: &mut Self::Resource) -> ReturnOutcome {
        match &self.returns {
            Returns::Unknown | Returns::Kept => ReturnOutcome::Healthy,
            Returns::RolledBack(roll_back) => roll_back(connection),
            Returns::By(recycle) => recycle(connection),
        }
    }

    fn destroy(&self, connection: Self::Resource) {
        if let Some(connection) = connection.released()
            && let Some(customizer) = &self.customizer
        {
            customizer.on_release(connection);
        }
    }

    fn ends_where_found(&self) -> bool {
        self.ends_where_found
    }

    fn classify(&self, failure: &Failure) -> Severity {
        failure.severity
    }
}

impl<C: ManageConnection + fmt::Debug> fmt::Debug for Adapter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("manager", &self.manager).finish_non_exhaustive()
    }
}
