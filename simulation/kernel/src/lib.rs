//! A simulated kernel for tests.
