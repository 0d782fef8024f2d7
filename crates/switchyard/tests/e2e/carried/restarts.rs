//! Restarts with a state file.
