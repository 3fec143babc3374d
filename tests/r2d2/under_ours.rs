//! The same program: nothing but the `use` is changed.

use slackwater::r2d2::compat as pool;

fn builder<M: pool::ManageConnection>() -> pool::Builder<M> {
    pool::Pool::builder()
}

#[path = "events.rs"]
mod events;
#[path = "suite.rs"]
mod suite;
