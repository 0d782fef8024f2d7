//! Deterministic simulation of the real proxy.
//!
//! The crates that ship run unchanged, in a [kernel](switchyard_simulated_kernel) that decides by a seed when threads run,
//! when packets arrive and what the clocks say. [`world`] says what happens to them in a day, and keeps the true account;
//! [`judges`] compare what clients were told with that; [`runner`] lets many days happen, and makes a failing one small.
//!
//! `make simulate-faults` runs it, and docs/testing.md says what it can see and what it can't.

pub mod judges;
pub mod runner;
pub mod world;
