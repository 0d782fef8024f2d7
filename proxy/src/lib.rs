//! Switchyard's data plane: charge requests come in, and each goes, in one hop, to the substation that can
//! best take it.
//!
//! Rooms by what flows through them: [`config`] is read once; [`grid`] learns of the substations and writes
//! what it learned; [`dispatch`] is the way of a request; [`admin`] shows it all and decides nothing.
//! [`server`] puts Pingora's listeners around them; [`life`] decides when it begins and how it ends, by
//! [`handover`] from one process to the next, and tells the service manager by [`notify`].
//! [`top`] shows the same in a terminal, from outside.

pub mod admin;
pub mod cli;
pub mod clock;
pub mod codec;
pub mod config;
pub mod credentials;
pub mod demo;
pub mod dispatch;
pub mod grid;
pub mod handover;
pub mod life;
pub mod metrics;
pub mod notify;
pub mod reload;
pub mod server;
mod signals;
pub mod top;
pub mod watch;
