//! r2d2 itself.

use ::r2d2 as pool;

fn builder<M: pool::ManageConnection>() -> pool::Builder<M> {
    pool::Pool::builder()
}

#[path = "events.rs"]
mod events;
#[path = "suite.rs"]
mod suite;
