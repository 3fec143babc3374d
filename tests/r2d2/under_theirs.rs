//! The same program, with r2d2's rules.

use slackwater::r2d2::compat as pool;

fn builder<M: pool::ManageConnection>() -> pool::Builder<M> {
    pool::Pool::builder().rules(pool::Rules::r2d2())
}

#[path = "events.rs"]
mod events;
#[path = "suite.rs"]
mod suite;
