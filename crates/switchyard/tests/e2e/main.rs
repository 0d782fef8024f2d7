//! End-to-end tests of the real binary: started on free ports, used over sockets, stopped by signals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that can't go on has failed; the rig is only ever part of one"
)]
#![allow(
    clippy::float_cmp,
    reason = "loads and counters are whole numbers of millionths, and exact"
)]

mod access_log;
mod admin;
mod admin_tls;
mod admission;
mod answers;
mod attacks;
mod authorization;
mod balance;
mod carried;
mod chaos;
mod child;
mod clients;
mod command_line;
mod discovered_feeders;
mod discovery;
mod drain;
mod errors;
mod events;
mod failover;
mod feeders;
mod feeders_shown;
mod fleet;
mod frames;
mod from_prometheus;
mod front_door;
mod full_feeder;
mod gauges;
mod given_back;
mod h2;
mod heads;
mod health;
mod hostile_tls;
mod hosts;
mod http;
mod idempotency;
mod init;
mod labels;
mod lasts;
mod late_gauge;
mod lifecycle;
mod limits;
mod listeners;
mod log;
mod lying_gauge;
mod memory;
mod mute;
mod numbers;
mod own_names;
mod pages;
mod poison;
mod probe;
mod proxy_protocol;
mod refusals;
mod reload;
mod reports;
mod rig;
mod routes;
mod rush_hour;
mod scraped;
mod secure;
mod sessions;
mod shares;
mod sharing;
mod shortage;
mod slow;
mod slow_handshakes;
mod soak;
mod streams;
mod substations;
mod tls;
mod token;
mod top;
mod traces;
mod upgrade;
mod upstream_tls;
