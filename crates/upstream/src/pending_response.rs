//! A request on a pipelined connection: a future of its answer. Dropping it abandons the request.

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
    delivery::Delivery,
    observation::Observation,
    pipeline_queue::{Outcome, Ticket},
    pipelined_connection::PipelinedConnection,
    pool::Pool,
    turn_time::TurnTime,
};
use switchyard_http1::Answer;

/// The answer that a pipelined request waits for. If it is dropped before that, `progress` says how far the request
/// had got.
pub(super) struct PendingResponse<'a> {
    pool: &'a Mutex<Pool>,
    turn_time: &'a TurnTime,
    /// Returned to the pool when the last request ends, unless the kernel must still be asked about a delivery.
    shared: Option<Arc<PipelinedConnection>>,
    ticket: Ticket,
    progress: &'a mut Progress,
    is_over: bool,
}

impl<'a> PendingResponse<'a> {
    pub(super) fn new(
        (pool, turn_time): (&'a Mutex<Pool>, &'a TurnTime),
        shared: Arc<PipelinedConnection>,
        ticket: Ticket,
        progress: &'a mut Progress,
    ) -> Self {
        Self {
            pool,
            turn_time,
            shared: Some(shared),
            ticket,
            progress,
            is_over: false,
        }
    }

    /// Whether this request is the one that writes.
    pub(super) fn is_writer(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| shared.is_writer(self.ticket))
    }

    /// Yields for one turn so that others can join the write of this request. Returns how many requests it has then.
    pub(super) async fn yield_for_batch(&self) -> usize {
        self.turn_time.yield_and_measure().await;
        let shared = self.shared.as_ref();
        let batch = shared.map_or(0, |shared| shared.pending_writes());
        self.pool.lock().record_batch(batch);
        batch
    }

    /// What the kernel knows of the bytes from `begins` on.
    pub(super) fn delivery(&self, begins: u64) -> Delivery {
        self.shared
            .as_ref()
            .map_or(Delivery::Arrived, |shared| shared.delivery(begins))
    }

    /// Records the proof that nothing arrived.
    pub(super) fn nothing_arrived(&mut self) {
        *self.progress = Progress::Unsent;
    }
}

impl Future for PendingResponse<'_> {
    type Output = Outcome<Answer>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<Answer>> {
        let pending = self.get_mut();
        let Some(shared) = &pending.shared else {
            return Poll::Pending;
        };
        let polled = shared.poll(pending.ticket, context);
        if polled.seen != Observation::default() {
            let now = Instant::now();
            let lateness = pending.turn_time.answer_lateness_at(now);
            pending.pool.lock().record(polled.seen, lateness, now);
        }
        let Some(end) = polled.end else {
            return Poll::Pending;
        };
        pending.is_over = true;
        *pending.progress = match end {
            Outcome::Unprocessed | Outcome::Refused(_) => Progress::Unsent,
            Outcome::Answered(_) | Outcome::TooLarge(_) | Outcome::Lost { .. } => Progress::Sent,
        };
        if polled.is_over {
            pending.pool.lock().unshare(shared);
            if !matches!(end, Outcome::Lost { .. }) {
                pending.pool.lock().reclaim(pending.shared.take());
            }
        }
        Poll::Ready(end)
    }
}

impl Drop for PendingResponse<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(shared) = &self.shared {
            let (progress, is_over) = shared.leave(self.ticket);
            *self.progress = progress;
            if is_over {
                self.pool.lock().unshare(shared);
                self.pool.lock().reclaim(self.shared.take());
            }
        }
    }
}
