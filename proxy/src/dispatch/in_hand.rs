//! What is under way: requests to finish before the process may end, connections to keep under the limit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tokio::sync::Notify;

/// Counts of requests and connections. Shared by all threads.
#[derive(Debug, Default)]
pub struct InHand {
    requests: AtomicUsize,
    connections: AtomicUsize,
    lasting: AtomicUsize,
    draining: AtomicBool,
    idle: Notify,
}

/// One request in hand; ends when dropped, whatever happened to it.
#[derive(Debug)]
pub struct RequestGuard<'a> {
    of: &'a InHand,
    nth: usize,
}

/// One open client connection.
#[derive(Debug)]
pub struct ConnectionGuard<'a>(&'a InHand);

/// One connection that the process has to wait for.
#[derive(Debug)]
pub struct LastingGuard<'a>(&'a InHand);

impl InHand {
    /// One more request.
    pub fn request(&self) -> RequestGuard<'_> {
        let nth = self.requests.fetch_add(1, SeqCst) + 1;
        RequestGuard { of: self, nth }
    }

    /// One more connection, unless there are `limit` already.
    pub fn connection(&self, limit: usize) -> Option<ConnectionGuard<'_>> {
        if self.connections.fetch_add(1, SeqCst) >= limit {
            self.connections.fetch_sub(1, SeqCst);
            return None;
        }
        Some(ConnectionGuard(self))
    }

    /// One more connection that must end by itself: an answer of its may have been given and not have left.
    pub fn lasting(&self) -> LastingGuard<'_> {
        self.lasting.fetch_add(1, SeqCst);
        LastingGuard(self)
    }

    /// Requests in hand.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }

    /// Open client connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Whether the process is on its way out: every answer from here on ends its connection.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(SeqCst)
    }

    /// From here on the process is on its way out.
    pub fn drain(&self) {
        self.draining.store(true, SeqCst);
    }

    /// Completes once no request is in hand and no lasting connection is open. Only after [`InHand::drain`].
    pub async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if self.requests() == 0 && self.lasting.load(SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl RequestGuard<'_> {
    /// How many were in hand with this one when it came.
    #[must_use]
    pub fn nth(&self) -> usize {
        self.nth
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        if self.of.requests.fetch_sub(1, SeqCst) == 1 && self.of.is_draining() {
            self.of.idle.notify_waiters();
        }
    }
}

impl Drop for LastingGuard<'_> {
    fn drop(&mut self) {
        if self.0.lasting.fetch_sub(1, SeqCst) == 1 && self.0.is_draining() {
            self.0.idle.notify_waiters();
        }
    }
}

impl Drop for ConnectionGuard<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drained_waits_for_the_last_request() {
        let in_hand = InHand::default();
        let request = in_hand.request();
        in_hand.drain();
        let drained = in_hand.drained();
        tokio::pin!(drained);
        tokio::select! {
            biased;
            () = &mut drained => panic!("a request is still in hand"),
            () = std::future::ready(()) => drop(request),
        }
        drained.await;
    }

    #[tokio::test]
    async fn drained_waits_for_the_last_lasting_connection() {
        let in_hand = InHand::default();
        let lasting = in_hand.lasting();
        drop(in_hand.request());
        in_hand.drain();
        let drained = in_hand.drained();
        tokio::pin!(drained);
        tokio::select! {
            biased;
            () = &mut drained => panic!("a connection is still open"),
            () = std::future::ready(()) => drop(lasting),
        }
        drained.await;
    }

    #[test]
    fn connections_stop_at_the_limit_and_come_back() {
        let in_hand = InHand::default();
        let first = in_hand.connection(1);
        assert!(first.is_some());
        assert!(in_hand.connection(1).is_none());
        drop(first);
        assert!(in_hand.connection(1).is_some());
    }
}
