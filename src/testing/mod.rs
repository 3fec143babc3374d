//! For tests of code that uses a pool (feature `testing`): a manager whose callbacks fail, dawdle, hang and panic on demand.
//!
//! What a pool's user has to get right shows when the backend does not play along: a creation that fails, a check that
//! hangs, a resource that dies in use. [`Chaos`] wraps any [`Manager`](crate::Manager), or a closure that makes resources,
//! and has that happen, by chance or by script. [`VirtualClock`] moves time by hand, and [`ChaosHandle::alive`] tells whether
//! anything leaked.
//!
//! # By script
//!
//! ```
//! use slackwater::testing::{Callback, Cause, Chaos, Fault, Injected};
//! use slackwater::{CheckoutError, Keeper, Pool};
//! use std::error::Error;
//!
//! // The first creation is the warm-up's; the next three fail, which is when a pool tells its caller.
//! let scripted = (2..=4).fold(Chaos::seeded(0), |chaos, nth| chaos.on(Callback::Create, nth, Fault::Fail));
//! let (manager, chaos) = scripted.build(|| Ok::<_, std::io::Error>(String::new()))?;
//! let pool = Pool::builder(manager).max_size(1).keeper(Keeper::Manual).build()?;
//!
//! pool.checkout()?.discard("the test wants it gone");
//! let error = pool.checkout().unwrap_err();
//! let injected: &Injected = error.source().and_then(|source| source.downcast_ref()).unwrap();
//! assert_eq!((injected.callback, injected.cause), (Callback::Create, Cause::Scripted));
//! assert!(matches!(error, CheckoutError::Create(_)) && error.is_retryable());
//! # drop(pool);
//! # assert_eq!(chaos.alive(), 0);
//! # Ok::<_, Box<dyn Error>>(())
//! ```
//!
//! # By chance
//!
//! The same seed strikes the same calls. Each callback counts its own calls, and what call number *n* of a callback suffers is
//! a function of seed, callback and *n* alone: no thread, no clock and no other callback has a part in it. The same goes for
//! the *n*-th resource and its death. What threads do decide, if there are several, is *who makes* the *n*-th call, and with
//! which resource. So a test with one thread and [`Keeper::Manual`](crate::Keeper::Manual) repeats itself exactly; one with
//! several repeats the sequence of each callback's faults, and its message should name the seed.
//!
//! ```
//! use slackwater::testing::{Callback, Chaos};
//! use slackwater::{Keeper, Pool};
//!
//! let run = |seed| {
//!     let chaos = Chaos::seeded(seed).fail(Callback::IsBroken, 0.1).die(0.5, 10..=20);
//!     let (manager, chaos) = chaos.build(|| Ok::<_, std::io::Error>(String::new())).unwrap();
//!     let pool = Pool::builder(manager).max_size(2).keeper(Keeper::Manual).build().unwrap();
//!     for _ in 0..200 {
//!         pool.with(|text| text.push('x')).unwrap();
//!         pool.tick();
//!     }
//!     let destroyed = pool.stats().destroyed.total();
//!     drop(pool);
//!     assert_eq!(chaos.alive(), 0, "seed {}", chaos.seed());
//!     destroyed
//! };
//! assert_eq!(run(3), run(3));
//! ```
//!
//! # Time
//!
//! A [slow](Chaos::slow) call sleeps. Under a [`VirtualClock`], [`Chaos::waits_on`] has it wait until the test moves the clock,
//! and [`Chaos::advances`] move it itself.

mod chaos;
mod fault;
mod handle;
mod manager;
mod plan;
mod resource;
mod state;
mod validate;

pub use crate::keeper::VirtualClock;
pub use chaos::Chaos;
pub use fault::{Callback, Cause, ChaosError, Fault, Injected};
pub use handle::{ChaosHandle, Counts};
pub use manager::ChaosManager;
pub use resource::ChaosResource;
