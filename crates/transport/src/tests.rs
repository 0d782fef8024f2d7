//! Handshakes with servers of all kinds, over real sockets.

mod connections;
mod handshakes;
mod refusals;
mod server;
