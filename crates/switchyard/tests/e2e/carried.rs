//! What a process leaves to the next: nothing is forgotten by an upgrade, nor by a restart with a state file.

mod restarts;
mod upgrades;
mod yard;
