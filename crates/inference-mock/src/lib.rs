//! A mock inference server: it speaks as vLLM does, and computes nothing.
//!
//! A proxy in front of inference servers needs something to be tried with that has their habits: answers that stream for
//! seconds, lengths with a long tail, a batch of bounded size with a line before it, tokens that come slower the more
//! requests run, and gauges that say how many run and wait. A graphics card is not needed for any of that.
//!
//! - [`Engine`]: the batch, the line and the pace. It knows no HTTP.
//! - [`run`]: OpenAI's API (`/v1/models`, `/v1/completions`, `/v1/chat/completions`, with and without `stream`), vLLM's
//!   `/metrics` and `/health`, and an echo over WebSocket at `/v1/realtime`.
//!
//! A client that leaves ends its request at once, as with vLLM: its place in the batch is free for the next.

mod answer;
mod ask;
mod engine;
mod events;
mod metrics;
mod problem;
mod realtime;
mod reply;
mod routes;
mod server;
mod settings;
#[cfg(test)]
mod tests;

pub use engine::Engine;
pub use server::run;
pub use settings::Settings;
