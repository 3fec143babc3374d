//! One suite for all modes: pooled, single, unpooled, of one and of several, and with a switch in the middle. What a user sees is the
//! same; how many resources it takes is what the modes are for.

#[path = "modes/own.rs"]
mod own;
#[path = "modes/suite.rs"]
mod suite;
mod support;
