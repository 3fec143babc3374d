//! Faults injected into every callback of the manager, and into what else of the user's the pool runs: destructors of
//! resources and errors, texts of errors, the logger. Capacity comes back, nobody else is delayed, the books balance.

mod support;

#[path = "faults/calls_back.rs"]
mod calls_back;
#[path = "faults/destructors.rs"]
mod destructors;
#[path = "faults/faulty.rs"]
mod faulty;
#[path = "faults/hangs.rs"]
mod hangs;
#[path = "faults/logger.rs"]
mod logger;
#[path = "faults/neighbours.rs"]
mod neighbours;
#[path = "faults/once.rs"]
mod once;
#[path = "faults/policies.rs"]
mod policies;
#[path = "faults/sizes.rs"]
mod sizes;
#[path = "faults/unwinding.rs"]
mod unwinding;
#[path = "faults/weights.rs"]
mod weights;
