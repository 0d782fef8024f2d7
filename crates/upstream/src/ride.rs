//! A request's time on a shared connection, which ends with its answer or when nobody waits for it any more.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Progress,
    fate::Fate,
    lag::Lag,
    order::{End, Ticket},
    pool::Pool,
    shared::{Seen, Shared},
};
use switchyard_http1::Answer;

/// A place on a shared connection. Dropped, it is given up, and `progress` says how far the request had got.
pub(super) struct Ride<'a> {
    pool: &'a Mutex<Pool>,
    lag: &'a Lag,
    /// Given back with the place, unless the system is still to be asked about it.
    shared: Option<Arc<Shared>>,
    ticket: Ticket,
    progress: &'a mut Progress,
    is_over: bool,
}

impl<'a> Ride<'a> {
    pub(super) fn new(
        (pool, lag): (&'a Mutex<Pool>, &'a Lag),
        shared: Arc<Shared>,
        ticket: Ticket,
        progress: &'a mut Progress,
    ) -> Self {
        Self {
            pool,
            lag,
            shared: Some(shared),
            ticket,
            progress,
            is_over: false,
        }
    }

    /// Lets others join before it leaves, if it is the first of those that are to be written.
    pub(super) async fn gather(&self) {
        let shared = self.shared.as_ref();
        if let Some(shared) = shared.filter(|shared| shared.is_writer(self.ticket)) {
            self.lag.stand_back().await;
            self.pool.lock().gathered(shared.to_be_written());
        }
    }

    /// What became of the bytes from `begins` on.
    pub(super) fn fate(&self, begins: u64) -> Fate {
        self.shared
            .as_ref()
            .map_or(Fate::Arrived, |shared| shared.fate(begins))
    }

    /// It is proven that nothing arrived.
    pub(super) fn nothing_arrived(&mut self) {
        *self.progress = Progress::Unsent;
    }
}

impl Future for Ride<'_> {
    type Output = End<Answer>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<Answer>> {
        let ride = self.get_mut();
        let Some(shared) = &ride.shared else {
            return Poll::Pending;
        };
        let polled = shared.poll(ride.ticket, context);
        if polled.seen != Seen::default() {
            ride.pool
                .lock()
                .learn(polled.seen, ride.lag.of_an_answer(), Instant::now());
        }
        let Some(end) = polled.end else {
            return Poll::Pending;
        };
        ride.is_over = true;
        *ride.progress = match end {
            End::Untouched => Progress::Unsent,
            End::Answered(_) | End::Lost { .. } => Progress::Sent,
        };
        if polled.is_over {
            ride.pool.lock().part(shared);
            if !matches!(end, End::Lost { .. }) {
                ride.pool.lock().keep(ride.shared.take());
            }
        }
        Poll::Ready(end)
    }
}

impl Drop for Ride<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(shared) = &self.shared {
            let (progress, is_over) = shared.leave(self.ticket);
            *self.progress = progress;
            if is_over {
                self.pool.lock().part(shared);
                self.pool.lock().keep(self.shared.take());
            }
        }
    }
}
