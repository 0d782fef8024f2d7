//! Deterministic simulation of the real proxy.

pub mod judges;
pub mod world;
