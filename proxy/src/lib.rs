//! Switchyard's data plane: charge requests come in, and each goes, in one hop, to the substation that can
//! best take it.
//!
//! Rooms by what flows through them: [`config`] is read once; [`grid`] learns of the substations and writes
//! what it learned; [`dispatch`] is the way of a request; [`admin`] shows it all and decides nothing.
//! [`top`] shows the same in a terminal, from outside. [`server`] puts Pingora's listeners around them.

pub mod admin;
pub mod cli;
pub mod clock;
pub mod codec;
pub mod config;
pub mod demo;
pub mod dispatch;
pub mod grid;
pub mod metrics;
pub mod server;
pub mod top;
pub mod watch;
