//! Counts what is in flight: requests that must finish before the process may end, connections to keep under the limit.
//!
//! A request that waits for its client is not at work: its body has not arrived, or its answer is written faster than the
//! client reads. It must finish too, but it does not count in `limits.requests`, or a few clients that send and read nothing
//! could hold the whole limit. What such a client holds is bounded otherwise: by time (`timeouts.client`), and by its
//! [share](crate::client_shares). And only as many requests may wait for clients as may be at work; more than that count as
//! work.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use crate::sync::{
    Notify,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    sleep,
};

/// Longer than a spawned task needs until its first poll.
const FIRST_POLL: Duration = Duration::from_millis(10);

/// Counts of requests and connections. Shared by all threads.
#[derive(Debug, Default)]
pub struct InFlight {
    /// See [`Requests`].
    requests: AtomicU64,
    connections: AtomicUsize,
    http2: AtomicUsize,
    graceful: AtomicUsize,
    leaving: AtomicBool,
    draining: AtomicBool,
    awaits_connections: AtomicBool,
    idle: Notify,
}

/// How many requests there are, and how many of them wait for their client. They share a word: read one after the other,
/// a request that comes or goes in between would count in one of them only, and the limit would be passed.
#[derive(Clone, Copy)]
struct Requests(u64);

/// One request, and one that waits for its client, in that word.
const REQUEST: u64 = 1;
const ON_CLIENT: u64 = 1 << 32;

impl Requests {
    fn all(self) -> usize {
        usize::try_from(self.0 % ON_CLIENT).unwrap_or(usize::MAX)
    }

    fn on_client(self) -> usize {
        usize::try_from(self.0 / ON_CLIENT).unwrap_or(usize::MAX)
    }

    fn at_work(self) -> usize {
        self.all().saturating_sub(self.on_client())
    }
}

/// One request in flight; counted until dropped.
#[derive(Debug)]
pub struct RequestGuard<'a> {
    of: &'a InFlight,
    nth: usize,
    is_on_client: bool,
}

/// One open client connection; counted until dropped.
#[derive(Debug)]
pub struct ConnectionGuard(Arc<InFlight>);

/// One connection that speaks HTTP/2; counted until dropped.
#[derive(Debug)]
pub struct Http2Guard<'a>(&'a InFlight);

/// One connection that a drain waits for; counted until dropped.
#[derive(Debug)]
pub struct GracefulGuard<'a>(&'a InFlight);

impl InFlight {
    /// Counts a request.
    pub fn request(&self) -> RequestGuard<'_> {
        let others = Requests(self.requests.fetch_add(REQUEST, SeqCst));
        RequestGuard {
            of: self,
            nth: others.at_work() + 1,
            is_on_client: false,
        }
    }

    /// Counts a connection, unless `limit` are open already.
    pub fn connection(self: &Arc<Self>, limit: usize) -> Option<ConnectionGuard> {
        one_more(&self.connections, limit).then(|| ConnectionGuard(Arc::clone(self)))
    }

    /// Counts a connection that speaks HTTP/2, unless `limit` are open already.
    pub fn http2(&self, limit: usize) -> Option<Http2Guard<'_>> {
        one_more(&self.http2, limit).then(|| Http2Guard(self))
    }

    /// Counts a connection that closes gracefully (HTTP/2). A drain waits for it, because an answer may be written and
    /// not be sent yet.
    pub fn graceful(&self) -> GracefulGuard<'_> {
        self.graceful.fetch_add(1, SeqCst);
        GracefulGuard(self)
    }

    /// Requests at work: those in flight that don't wait for their client.
    #[must_use]
    pub fn at_work(&self) -> usize {
        Requests(self.requests.load(SeqCst)).at_work()
    }

    /// Requests in flight.
    #[must_use]
    pub fn requests(&self) -> usize {
        Requests(self.requests.load(SeqCst)).all()
    }

    /// Open client connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Notes that the process will stop soon: it asks for no more requests, and takes those that still come.
    pub fn leave(&self) {
        self.leaving.store(true, SeqCst);
    }

    /// Whether the process wants no more requests: it will stop soon, or is stopping.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(SeqCst) || self.is_draining()
    }

    /// Whether the process is stopping: every answer from now on ends its connection.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(SeqCst)
    }

    /// Starts to drain without waiting for idle connections; ends that wait if [`InFlight::drain_connections`] began
    /// it.
    pub fn drain(&self) {
        self.awaits_connections.store(false, SeqCst);
        self.draining.store(true, SeqCst);
        self.idle.notify_waiters();
    }

    /// Starts to drain and waits for idle connections too: each ends with its next answer, or at its idle timeout.
    /// Closing one sooner could meet a request on its way here, which would get no answer.
    pub fn drain_connections(&self) {
        self.awaits_connections.store(true, SeqCst);
        self.draining.store(true, SeqCst);
    }

    /// Whether the drain waits for connections without a request.
    #[must_use]
    pub fn awaits_connections(&self) -> bool {
        self.awaits_connections.load(SeqCst)
    }

    /// Completes once nothing is in flight that the drain waits for. Call it only after [`InFlight::drain`] or
    /// [`InFlight::drain_connections`].
    pub async fn drained(&self) {
        // The connection accepted last is a task that may not have run yet, so it may not be counted yet.
        sleep(FIRST_POLL).await;
        loop {
            let idle = self.idle.notified();
            let connections = if self.awaits_connections() {
                self.connections()
            } else {
                0
            };
            let graceful = self.graceful.load(SeqCst);
            if self.requests() == 0 && connections == 0 && graceful == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Counts one more, unless there are `limit` already. It is not added and taken away again: in between others would see one
/// too many, and refuse what fits, or take a request that does not.
fn one_more(count: &AtomicUsize, limit: usize) -> bool {
    let more = |counted: usize| (counted < limit).then_some(counted + 1);
    count.fetch_update(SeqCst, SeqCst, more).is_ok()
}

impl RequestGuard<'_> {
    /// How many requests were at work when this one started or went on, itself included.
    #[must_use]
    pub fn nth(&self) -> usize {
        self.nth
    }

    /// Runs `work` that waits for the client: while it does, the request is not at work, unless `most` requests wait for
    /// clients already. Work that is ready at once costs nothing.
    pub async fn on_client<F: Future>(&mut self, most: usize, mut work: Pin<&mut F>) -> F::Output {
        let mut is_first = true;
        let output = poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() && std::mem::take(&mut is_first) {
                self.pause(most);
            }
            polled
        })
        .await;
        self.resume();
        output
    }

    fn pause(&mut self, most: usize) {
        // It may have been cut off in an earlier wait.
        if self.is_on_client {
            return;
        }
        let one_more = |word| (Requests(word).on_client() < most).then_some(word + ON_CLIENT);
        let counted = self.of.requests.fetch_update(SeqCst, SeqCst, one_more);
        self.is_on_client = counted.is_ok();
    }

    fn resume(&mut self) {
        if std::mem::take(&mut self.is_on_client) {
            let before = Requests(self.of.requests.fetch_sub(ON_CLIENT, SeqCst));
            self.nth = before.at_work() + 1;
        }
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        let own = REQUEST + if self.is_on_client { ON_CLIENT } else { 0 };
        let before = self.of.requests.fetch_sub(own, SeqCst);
        if before == own && self.of.is_draining() {
            self.of.idle.notify_waiters();
        }
    }
}

impl Drop for Http2Guard<'_> {
    fn drop(&mut self) {
        self.0.http2.fetch_sub(1, SeqCst);
    }
}

impl Drop for GracefulGuard<'_> {
    fn drop(&mut self) {
        if self.0.graceful.fetch_sub(1, SeqCst) == 1 && self.0.is_draining() {
            self.0.idle.notify_waiters();
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if self.0.connections.fetch_sub(1, SeqCst) == 1 && self.0.is_draining() {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        pin::pin,
    };

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn drained_waits_for_the_last_request() {
        let in_flight = InFlight::default();
        let request = in_flight.request();
        in_flight.drain();
        let drained = in_flight.drained();
        tokio::pin!(drained);
        tokio::select! {
            biased;
            () = &mut drained => panic!("a request is still in flight"),
            () = ready(()) => drop(request),
        }
        drained.await;
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_waited_for_until_the_wait_is_called_off() {
        let in_flight = Arc::new(InFlight::default());
        let (first, second) = (in_flight.connection(9), in_flight.connection(9));
        in_flight.drain_connections();
        let hour = Duration::from_hours(1);
        assert!(timeout(hour, in_flight.drained()).await.is_err());
        drop(first);
        assert!(timeout(hour, in_flight.drained()).await.is_err());
        let (drained, ()) = tokio::join!(timeout(hour, in_flight.drained()), async {
            sleep(hour / 2).await;
            drop(second);
        });
        assert!(drained.is_ok(), "the last connection is gone");

        let _third = in_flight.connection(9);
        let (drained, ()) = tokio::join!(timeout(hour, in_flight.drained()), async {
            sleep(hour / 2).await;
            in_flight.drain();
        });
        assert!(drained.is_ok(), "idle connections are no longer waited for");
    }

    #[tokio::test]
    async fn drained_waits_for_the_last_graceful_connection() {
        let in_flight = InFlight::default();
        let graceful = in_flight.graceful();
        drop(in_flight.request());
        in_flight.drain();
        let drained = in_flight.drained();
        tokio::pin!(drained);
        tokio::select! {
            biased;
            () = &mut drained => panic!("a connection is still open"),
            () = ready(()) => drop(graceful),
        }
        drained.await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_client_is_not_at_work_but_must_finish() {
        let in_flight = InFlight::default();
        let [mut one, mut two, mut three] = [0; 3].map(|_| in_flight.request());
        assert_eq!([&one, &two, &three].map(RequestGuard::nth), [1, 2, 3]);
        assert_eq!(one.on_client(2, pin!(ready(7))).await, 7);
        let second = Duration::from_secs(1);
        let counts = || (in_flight.at_work(), in_flight.requests());
        let waits = [1, 3, 3].map(|seconds| Box::pin(sleep(second * seconds)));
        let [mut a, mut b, mut c] = waits;
        tokio::join!(
            one.on_client(2, a.as_mut()),
            two.on_client(2, b.as_mut()),
            three.on_client(2, c.as_mut()),
            async {
                sleep(second / 2).await;
                assert_eq!(counts(), (1, 3), "the third is one too many to wait");
                sleep(second).await;
                assert_eq!(counts(), (2, 3));
            }
        );
        assert_eq!(counts(), (3, 3));
        assert_eq!((one.nth(), two.nth()), (2, 3), "as they went on");
        // A wait that is cut off lasts until the next one ends.
        for _ in 0..3 {
            let cut = timeout(second, one.on_client(2, pin!(pending::<()>()))).await;
            assert!(cut.is_err());
            assert_eq!(counts(), (2, 3));
        }
        drop(one);
        assert_eq!(counts(), (2, 2));
        drop((two, three));
        assert_eq!(counts(), (0, 0));
        assert_eq!(in_flight.requests.load(SeqCst), 0);
    }

    #[test]
    fn connections_stop_at_the_limit_and_come_back() {
        let in_flight = Arc::new(InFlight::default());
        let first = in_flight.connection(1);
        assert!(first.is_some());
        assert!(in_flight.connection(1).is_none());
        drop(first);
        assert!(in_flight.connection(1).is_some());
    }
}
