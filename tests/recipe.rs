//! Recipe files: what they mean, and what is said of those that mean nothing.
#![cfg(feature = "recipes")]

mod recipe {
    mod answers;
    mod bounds;
    mod mistakes;
}
