//! The mock by itself, without a proxy.

mod api;
mod batch;
mod websocket;
