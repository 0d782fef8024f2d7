//! The batch: at most so many requests run, the others wait in the order in which they came.
//!
//! A token of a running request takes longer the more requests run, as with a card whose memory all of them read. The
//! lengths of answers have a long tail (Pareto's distribution), so requests that look alike are a different load.
//!
//! Each request is a task of its own. It looks whether its receiver is still there at each step, so the place of a
//! client that has left is free at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use tokio::select;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, sleep_until};

use crate::settings::{CONTEXT, Settings};

/// How long the tail of lengths is: the smaller above 1, the longer.
const TAIL: f64 = 1.5;
/// What an answer is made of, over and over.
const WORDS: [&str; 8] = [
    " the", " load", " goes", " where", " there", " is", " room", ",",
];

/// The scheduler of one server, and its counts.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    slots: Semaphore,
    lengths: Mutex<Rng>,
    counts: Counts,
}

/// What `/metrics` shows.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) waiting: AtomicU64,
    pub(crate) running: AtomicU64,
    /// Tokens that running requests hold: their prompts, and what was made for them.
    pub(crate) held_tokens: AtomicU64,
    pub(crate) prompt_tokens: AtomicU64,
    pub(crate) generated_tokens: AtomicU64,
    pub(crate) stopped: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) aborted: AtomicU64,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The model said so.
    Stop,
    /// It reached the length that was asked for.
    Length,
}

impl Reason {
    /// OpenAI's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// Some tokens of an answer.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// With the last one: why it is the last.
    pub(crate) end: Option<Reason>,
}

/// What an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) prompt_tokens: u64,
    pub(crate) tokens: u64,
    pub(crate) end: Reason,
}

impl Engine {
    /// An engine without requests.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            slots: Semaphore::new(settings.slots),
            lengths: Mutex::new(Rng::with_seed(settings.seed)),
            counts: Counts::default(),
            settings,
        })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What an answer to such a prompt takes: `ignore_eos` makes it exactly `most` tokens long.
    pub(crate) fn work(&self, prompt_tokens: u64, most: Option<u64>, ignore_eos: bool) -> Work {
        let room = CONTEXT.saturating_sub(prompt_tokens);
        let most = most.unwrap_or(room).min(room);
        let drawn = if ignore_eos { u64::MAX } else { self.drawn() };
        Work {
            prompt_tokens,
            tokens: drawn.min(most),
            end: if drawn < most {
                Reason::Stop
            } else {
                Reason::Length
            },
        }
    }

    fn drawn(&self) -> u64 {
        let least = f64::from(self.settings.mean_tokens) * (TAIL - 1.0) / TAIL;
        let uniform = 1.0 - self.lengths.lock().f64();
        let length = least.max(1.0) * uniform.powf(-1.0 / TAIL);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is at least 1, and a cast saturates"
        )]
        let whole = length as u64;
        whole
    }

    /// Begins an answer. Whoever drops the receiver ends it.
    pub(crate) fn begin(self: &Arc<Self>, work: Work) -> UnboundedReceiver<Piece> {
        let (to, from) = mpsc::unbounded_channel();
        let place = Place::waiting(Arc::clone(self), work);
        tokio::spawn(place.serve(to));
        from
    }

    /// How long a token takes now.
    fn token_time(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a batch has no 2^52 requests")]
        let others = self
            .counts
            .running
            .load(Ordering::Relaxed)
            .saturating_sub(1) as f64;
        self.settings
            .token_time
            .mul_f64(1.0 + self.settings.slowdown * others)
    }
}

/// A request's place, in the line or in the batch. The counts lose it when it is dropped, however it ends.
struct Place {
    engine: Arc<Engine>,
    work: Work,
    runs: bool,
    ended: Option<Reason>,
}

impl Place {
    fn waiting(engine: Arc<Engine>, work: Work) -> Self {
        engine.counts.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            engine,
            work,
            runs: false,
            ended: None,
        }
    }

    async fn serve(mut self, to: UnboundedSender<Piece>) {
        let engine = Arc::clone(&self.engine);
        // The semaphore serves those that wait in their order, and is never closed.
        let slot = select! {
            slot = engine.slots.acquire() => slot,
            () = to.closed() => return,
        };
        self.start();
        let prompt = u32::try_from(self.work.prompt_tokens).unwrap_or(u32::MAX);
        let prefill = engine.settings.prefill.mul_f64(f64::from(prompt) / 1000.0);
        if !prefill.is_zero() {
            select! {
                () = sleep(prefill) => {}
                () = to.closed() => return,
            }
        }
        self.generate(&to).await;
        drop(slot);
    }

    async fn generate(&mut self, to: &UnboundedSender<Piece>) {
        let step = u64::try_from(self.engine.settings.tokens_per_event.max(1)).unwrap_or(1);
        let (mut done, mut at) = (0, Instant::now());
        while done < self.work.tokens {
            let count = step.min(self.work.tokens - done);
            let takes = self.engine.token_time().mul_f64(small(count));
            if takes.is_zero() {
                // Others have their turn, and a client that has left is noticed.
                tokio::task::yield_now().await;
            } else {
                at += takes;
                select! {
                    () = sleep_until(at) => {}
                    () = to.closed() => return,
                }
            }
            let piece = self.piece(done, count);
            done += count;
            self.ended = piece.end;
            if to.send(piece).is_err() {
                self.ended = None;
                return;
            }
        }
    }

    fn piece(&self, done: u64, count: u64) -> Piece {
        let counts = &self.engine.counts;
        counts.generated_tokens.fetch_add(count, Ordering::Relaxed);
        let first = usize::try_from(done).unwrap_or(0) % WORDS.len();
        let words = WORDS.iter().cycle().skip(first);
        Piece {
            text: words
                .take(usize::try_from(count).unwrap_or(1))
                .copied()
                .collect(),
            end: (done + count == self.work.tokens).then_some(self.work.end),
        }
    }

    fn start(&mut self) {
        let counts = &self.engine.counts;
        counts.waiting.fetch_sub(1, Ordering::Relaxed);
        counts.running.fetch_add(1, Ordering::Relaxed);
        counts
            .prompt_tokens
            .fetch_add(self.work.prompt_tokens, Ordering::Relaxed);
        counts.held_tokens.fetch_add(self.held(), Ordering::Relaxed);
        self.runs = true;
    }

    /// The tokens that it is taken to hold while it runs: half of its answer is there on average.
    fn held(&self) -> u64 {
        self.work.prompt_tokens + self.work.tokens / 2
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = &self.engine.counts;
        if self.runs {
            counts.running.fetch_sub(1, Ordering::Relaxed);
            counts.held_tokens.fetch_sub(self.held(), Ordering::Relaxed);
        } else {
            counts.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        let ended = match self.ended {
            Some(Reason::Stop) => &counts.stopped,
            Some(Reason::Length) => &counts.cut,
            None => &counts.aborted,
        };
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A count of tokens in an event, which is small.
fn small(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
