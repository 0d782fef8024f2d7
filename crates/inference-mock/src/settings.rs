//! What a mock server is like.

use std::time::Duration;

/// The most tokens of a prompt and its answer together, as the context of a model bounds them.
pub(crate) const CONTEXT: u64 = 131_072;

/// The settings of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The name of the model that it serves.
    pub model: String,
    /// The most requests that run at once; further ones wait. vLLM calls it `--max-num-seqs`.
    pub slots: usize,
    /// The time that a token takes while one request runs; zero: tokens come as fast as they can be written.
    pub token_time: Duration,
    /// By which share of `token_time` each further running request makes a token slower.
    pub slowdown: f64,
    /// The time before the first token, for each 1,000 tokens of the prompt.
    pub prefill: Duration,
    /// How many tokens travel in one event of a stream; at least 1. vLLM calls it `--stream-interval`.
    pub tokens_per_event: usize,
    /// The mean length of answers that neither `max_tokens` nor `ignore_eos` bound, in tokens.
    pub mean_tokens: u32,
    /// The key that requests must bring; `None` lets all in.
    pub api_key: Option<String>,
    /// Where the lengths of answers begin: two servers with one seed draw the same ones.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: "mock-8b".to_owned(),
            slots: 16,
            token_time: Duration::from_millis(20),
            slowdown: 0.05,
            prefill: Duration::from_millis(50),
            tokens_per_event: 1,
            mean_tokens: 150,
            api_key: None,
            seed: 1,
        }
    }
}
