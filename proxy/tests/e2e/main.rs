//! The real binary, end to end: started on free ports, spoken to over sockets, ended by signals.

mod admin;
mod balance;
mod client;
mod errors;
mod failover;
mod http;
mod lifecycle;
mod rig;
mod scripted;
mod substations;
