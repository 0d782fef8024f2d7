//! Requests without the right token: each of a client that sends more than a few is answered a little later, and the log
//! names the client once a minute.
//!
//! A token can't be guessed, but trying costs the proxy work, and an operator should know of it. Only the answer 401
//! waits: a request with the right token never does, also from the same address. What is kept is bounded, in clients
//! and in answers that wait; beyond that an answer does not wait.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_grid::Source;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// So many of a client are answered at once: somebody mistypes, or a page polls before it asks for the token.
const FREE: u32 = 5;
/// The first delay; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(250);
/// The time from one line about a client to the next, and the time without one after which a client is forgotten.
const MINUTE: Duration = Duration::from_mins(1);
/// The most clients that are told apart. All others count as one.
const MOST_CLIENTS: usize = 1_024;
/// The most answers that wait at once.
const MOST_WAITING: usize = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct WrongTokens {
    clients: Mutex<HashMap<Source, Record>>,
    waiting: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    /// Since it was first seen, or since a minute without one.
    count: u32,
    /// Since the last line.
    unlogged: u32,
    last: Instant,
    logged: Option<Instant>,
}

/// What follows from one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Consequence {
    delay: Duration,
    /// How many the line is about, if there is one.
    logged: Option<u32>,
}

impl WrongTokens {
    /// Notes a request of this client, and waits before it is answered.
    pub(super) async fn slow(&self, client: Source) {
        let Consequence { delay, logged } = self.note(client, Instant::now());
        if let Some(requests) = logged {
            warn!(%client, requests, "Requests to the admin port without its token");
        }
        if delay.is_zero() {
            return;
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Relaxed) < MOST_WAITING {
            sleep(delay).await;
        }
        drop(waiting);
    }

    fn note(&self, client: Source, now: Instant) -> Consequence {
        let mut clients = self.clients.lock();
        if clients.len() >= MOST_CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, record| now - record.last < MINUTE);
        }
        let is_full = clients.len() >= MOST_CLIENTS && !clients.contains_key(&client);
        let client = if is_full { Source::default() } else { client };
        let fresh = Record {
            count: 0,
            unlogged: 0,
            last: now,
            logged: None,
        };
        let record = clients.entry(client).or_insert(fresh);
        if now - record.last >= MINUTE {
            *record = Record {
                logged: record.logged,
                ..fresh
            };
        }
        record.last = now;
        record.count = record.count.saturating_add(1);
        record.unlogged = record.unlogged.saturating_add(1);
        let is_due = record.logged.is_none_or(|logged| now - logged >= MINUTE);
        let logged = is_due.then(|| {
            record.logged = Some(now);
            std::mem::take(&mut record.unlogged)
        });
        let delay = match record.count.saturating_sub(FREE) {
            0 => Duration::ZERO,
            beyond => FIRST_DELAY
                .saturating_mul(2_u32.saturating_pow(beyond - 1))
                .min(LONGEST_DELAY),
        };
        Consequence { delay, logged }
    }
}

/// Counts an answer as waiting until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Waker},
    };

    use super::*;

    fn waits(answer: Pin<&mut impl Future>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        answer.poll(&mut context).is_pending()
    }

    fn client(number: u32) -> Source {
        Source::of(std::net::IpAddr::V4(number.into()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_are_answered_at_once_and_then_each_a_little_later() {
        let (tokens, now) = (WrongTokens::default(), Instant::now());
        let delay = |number, now| tokens.note(client(number), now).delay.as_millis();
        let delays: Vec<_> = (0..12).map(|_| delay(1, now)).collect();
        assert_eq!(delays, [0, 0, 0, 0, 0, 10, 20, 40, 80, 160, 250, 250]);
        assert_eq!(delay(2, now), 0, "another client");
        assert_eq!(delay(1, now + MINUTE), 0, "it is forgotten");
        let whole = WrongTokens::default();
        for _ in 0..12 {
            whole.slow(client(1)).await;
        }
        assert_eq!(now.elapsed().as_millis(), 810);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_logged_once_a_minute_with_all_since() {
        let (tokens, start) = (WrongTokens::default(), Instant::now());
        let mut lines = Vec::new();
        for second in 0..180 {
            let now = start + Duration::from_secs(second);
            lines.extend(tokens.note(client(1), now).logged);
        }
        assert_eq!(lines, [1, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_clients_and_many_answers_take_no_more_room() {
        let (tokens, now) = (WrongTokens::default(), Instant::now());
        let lines = (0..100_000).filter(|number| {
            let noted = tokens.note(client(*number), now);
            noted.logged.is_some()
        });
        assert_eq!(lines.count(), MOST_CLIENTS + 1, "the others are one");
        assert_eq!(tokens.clients.lock().len(), MOST_CLIENTS + 1);
        tokens.note(client(7), now + MINUTE);
        tokens.note(client(200_000), now + MINUTE);
        assert_eq!(tokens.clients.lock().len(), 2, "old ones make room");

        let tokens = WrongTokens::default();
        for _ in 0..FREE {
            tokens.slow(client(1)).await;
        }
        let mut many: Vec<_> = (0..1_000)
            .map(|_| Box::pin(tokens.slow(client(1))))
            .collect();
        let waiting = many
            .iter_mut()
            .filter_map(|one| waits(one.as_mut()).then_some(()));
        assert_eq!(waiting.count(), MOST_WAITING);
        drop(many);
        assert_eq!(tokens.waiting.load(Relaxed), 0);
    }
}
