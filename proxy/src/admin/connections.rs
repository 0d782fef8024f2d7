//! The connections of the admin port: how many there may be, and which of them makes room for another.
//!
//! Everybody who reaches the port can open connections, long before a token is asked for, and an orchestrator ends a
//! process whose `/live` can't be reached. So a connection over the limit is not refused: it takes the place of the one
//! that has gone longest without a whole request. A client that asks at once has its answer long before its turn comes,
//! however many silent connections are opened beside it, and those only displace each other.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// All open connections, but those that have [left](Seat::leave).
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    /// By their last request: the first has asked for nothing for longest.
    taken: BTreeMap<u64, Arc<Notify>>,
}

/// The place of one connection; free again once dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    of: &'a Connections,
    turn: Mutex<u64>,
    displaced: Arc<Notify>,
}

impl Connections {
    /// Takes a place among `limit`, if necessary that of another connection.
    pub(super) fn enter(&self, limit: usize) -> Seat<'_> {
        let mut seats = self.0.lock();
        while seats.taken.len() >= limit {
            let Some((_, displaced)) = seats.taken.pop_first() else {
                break;
            };
            displaced.notify_one();
        }
        let displaced = Arc::new(Notify::new());
        Seat {
            of: self,
            turn: Mutex::new(seats.seat(Arc::clone(&displaced))),
            displaced,
        }
    }
}

impl Seats {
    fn seat(&mut self, displaced: Arc<Notify>) -> u64 {
        let turn = self.next;
        self.next += 1;
        self.taken.insert(turn, displaced);
        turn
    }
}

impl Seat<'_> {
    /// Completes once the place belongs to another connection.
    pub(super) async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// The client has sent a whole request: all others go before it.
    pub(super) fn renew(&self) {
        let (mut seats, mut turn) = (self.of.0.lock(), self.turn.lock());
        if let Some(displaced) = seats.taken.remove(&turn) {
            *turn = seats.seat(displaced);
        }
    }

    /// Gives the place back and stays open: it is bounded in another way from now on.
    pub(super) fn leave(&self) {
        self.of.0.lock().taken.remove(&self.turn.lock());
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use tokio::{task::yield_now, time::timeout};

    use super::*;

    async fn is_displaced(seat: &Seat<'_>) -> bool {
        yield_now().await;
        timeout(std::time::Duration::ZERO, seat.displaced())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn the_connection_that_has_asked_for_nothing_for_longest_makes_room() {
        let connections = Connections::default();
        let [first, second] = [(); 2].map(|()| connections.enter(2));
        first.renew();
        let third = connections.enter(2);
        assert!(is_displaced(&second).await, "the first has asked since");
        second.renew();
        let fourth = connections.enter(2);
        assert!(is_displaced(&first).await);
        for seat in [&third, &fourth] {
            assert!(!is_displaced(seat).await);
        }
    }

    #[tokio::test]
    async fn places_that_are_left_or_dropped_are_free() {
        let connections = Connections::default();
        let [viewer, gone, stays] = [(); 3].map(|()| connections.enter(3));
        viewer.leave();
        drop(gone);
        let _more = [(); 2].map(|()| connections.enter(3));
        assert!(!is_displaced(&stays).await);
        let _one_more = connections.enter(3);
        assert!(is_displaced(&stays).await);
        assert!(!is_displaced(&viewer).await);
    }
}
