//! The admission queue: a bounded wait for room, off unless it is configured.
//!
//! When no substation has room, a request may wait a little instead of being refused: room appears with the next
//! sample, or when another request's reservation is cancelled. Requests queue by deadline, the earliest first. Only
//! the first one looks for room, so the others cost nothing and none is overtaken. While requests wait, a new
//! request queues too.
//!
//! The first request polls every few milliseconds instead of being notified: a choice takes a microsecond, and only one
//! request in the whole proxy polls at a time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use switchyard_config as config;
use switchyard_http1::Head;
use switchyard_wire::names::REQUEST_TIMEOUT;

/// Longest text that is read as a duration, in bytes.
const LONGEST_TEXT: usize = 16;
/// How often the first request in the queue looks for room.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The order in the queue: the moment when a request must leave, then the order of arrival.
type Turn = (Instant, u64);

/// The queue of this proxy. Shared by all threads.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Number of waiting requests, readable without the lock.
    length: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    places: BTreeMap<Turn, Arc<Notify>>,
    joined: u64,
}

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    queue: &'a Queue,
    turn: Turn,
    moved_up: Arc<Notify>,
}

impl Queue {
    /// Number of requests that wait.
    pub(super) fn length(&self) -> usize {
        self.length.load(Relaxed)
    }

    /// A place for a request that must be served by `until`, unless `most` requests wait already.
    pub(super) fn join(&self, until: Instant, most: usize) -> Option<Place<'_>> {
        let mut waiting = self.waiting.lock();
        if waiting.places.len() >= most {
            return None;
        }
        waiting.joined += 1;
        let turn = (until, waiting.joined);
        let moved_up = Arc::new(Notify::new());
        waiting.places.insert(turn, Arc::clone(&moved_up));
        self.length.store(waiting.places.len(), Relaxed);
        Some(Place {
            queue: self,
            turn,
            moved_up,
        })
    }
}

/// Until when a request that finds no room at `now` may wait: at most until `deadline`, and no longer than its client
/// waits (`x-request-timeout`).
pub(super) fn until(
    rules: &config::Admission,
    head: Head<'_>,
    now: Instant,
    deadline: Instant,
) -> Instant {
    let patience = head.all(REQUEST_TIMEOUT).next().and_then(|value| {
        let text = str::from_utf8(value).ok();
        let text = text.filter(|text| text.len() <= LONGEST_TEXT)?;
        humantime::parse_duration(text).ok()
    });
    let wait = patience.map_or(rules.timeout, |patience| patience.min(rules.timeout));
    deadline.min(now + wait)
}

impl Place<'_> {
    /// Whether this request is the first in the queue.
    pub(super) fn is_first(&self) -> bool {
        let waiting = self.queue.waiting.lock();
        waiting.places.first_key_value().map(|(turn, _)| *turn) == Some(self.turn)
    }

    /// Waits until it is time to look for room again. False once the wait has expired.
    pub(super) async fn wait(&self) -> bool {
        let (until, _) = self.turn;
        let left = until.saturating_duration_since(Instant::now());
        let longest = if self.is_first() {
            left.min(POLL_INTERVAL)
        } else {
            left
        };
        // Either result is fine: the caller checks both the place and the time.
        let _ = timeout(longest, self.moved_up.notified()).await;
        Instant::now() < until
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.lock();
        waiting.places.remove(&self.turn);
        self.queue.length.store(waiting.places.len(), Relaxed);
        if let Some((_, first)) = waiting.places.first_key_value() {
            first.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_deadline_is_first_and_equals_keep_their_order() {
        let (queue, now) = (Queue::default(), Instant::now());
        let at = |millis| now + Duration::from_millis(millis);
        let late = queue.join(at(300), 4).unwrap();
        assert!(late.is_first());
        let early = queue.join(at(100), 4).unwrap();
        let second = queue.join(at(100), 4).unwrap();
        assert!(early.is_first() && !second.is_first() && !late.is_first());
        assert!(
            queue
                .join(at(200), 4)
                .is_some_and(|place| !place.is_first())
        );
        assert_eq!(queue.length(), 3, "a dropped place is free");
        drop(early);
        assert!(second.wait().await, "it is notified when it becomes first");
        assert!(second.is_first());
        assert_eq!(now, Instant::now(), "at once");
        drop(second);
        assert!(late.is_first());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_takes_no_request_and_a_place_expires_in_time() {
        let (queue, now) = (Queue::default(), Instant::now());
        let place = queue.join(now + Duration::from_millis(12), 1).unwrap();
        assert!(queue.join(now, 1).is_none());
        let mut looks = 0;
        while place.wait().await {
            looks += 1;
        }
        assert_eq!((looks, now.elapsed().as_millis()), (2, 12));
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_waits_longer_than_its_deadline_its_client_or_the_configuration() {
        let now = Instant::now();
        let rules = config::Admission {
            queue: 1,
            timeout: Duration::from_secs(1),
        };
        let wait = |patience: Option<&'static str>, deadline: u64| {
            let name = http::HeaderName::from_static(REQUEST_TIMEOUT);
            let value = patience.map(|text| (name, http::HeaderValue::from_static(text)));
            let headers: http::HeaderMap = value.into_iter().collect();
            let deadline = now + Duration::from_millis(deadline);
            let until = until(&rules, Head::Parsed(&headers), now, deadline);
            (until - now).as_millis()
        };
        assert_eq!(wait(None, 5_000), 1_000);
        assert_eq!(wait(None, 300), 300);
        assert_eq!(wait(Some("250ms"), 5_000), 250);
        assert_eq!(wait(Some("1h"), 5_000), 1_000);
        assert_eq!(wait(Some("soon"), 5_000), 1_000);
        assert_eq!(wait(Some("5124095576030431h15s1000ms"), 5_000), 1_000);
    }
}
