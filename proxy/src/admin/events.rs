//! `GET /events`: the [snapshot](super::snapshot), once a second, as server-sent events.
//!
//! One producer serves all viewers: it takes a snapshot, writes it as JSON once, and every viewer sends the same bytes. It
//! lives as long as somebody looks, so nobody looking costs nothing. Viewers are bounded; one that does not read is let
//! go, since all it holds up is itself; and all are let go when the admin port ends.
//!
//! Nothing marks the end of a stream but the end of its connection: it has no length, and needs no chunks.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::header;
use parking_lot::Mutex;
use pingora_core::{protocols::http::ServerSession, server::ShutdownWatch};
use pingora_http::ResponseHeader;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use super::snapshot::{RateWindow, capture};
use crate::{dispatch::DispatchState, runtime::Runtime};
use switchyard_status::StatusSnapshot;

/// How many may look at once: people, not machines.
pub(super) const MOST_VIEWERS: usize = 32;
/// Between two snapshots.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a viewer may take to accept one. Longer than a laptop's lid is closed by mistake.
const PATIENCE: Duration = Duration::from_secs(10);

/// The snapshots, while somebody looks.
#[derive(Debug)]
pub(super) struct Feed {
    places: Arc<Semaphore>,
    /// That of the producer that runs, if one does.
    latest: Mutex<Option<watch::Receiver<Bytes>>>,
}

/// One viewer's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Viewer {
    latest: watch::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_VIEWERS)),
            latest: Mutex::new(None),
        }
    }
}

impl Feed {
    /// A place to look from, unless all are taken. The first to look sets the producer going.
    pub(super) fn viewer(
        self: &Arc<Self>,
        runtime: &Arc<Runtime>,
        dispatch: &Arc<DispatchState>,
    ) -> Option<Viewer> {
        let (runtime, dispatch) = (Arc::clone(runtime), Arc::clone(dispatch));
        let mut rates = RateWindow::default();
        self.join(move || event(&capture(&runtime, &dispatch, &mut rates)))
    }

    fn join(self: &Arc<Self>, capture: impl FnMut() -> Bytes + Send + 'static) -> Option<Viewer> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut running = self.latest.lock();
        let latest = running.clone().unwrap_or_else(|| {
            let (send, latest) = watch::channel(Bytes::new());
            tokio::spawn(produce(Arc::clone(self), send, capture));
            latest
        });
        *running = Some(latest.clone());
        Some(Viewer {
            latest,
            _place: place,
        })
    }

    /// Whether nobody looks; from then on the next to look needs another producer.
    fn is_over(&self, send: &watch::Sender<Bytes>) -> bool {
        let mut running = self.latest.lock();
        // One is the feed's own.
        let is_over = send.receiver_count() <= 1;
        if is_over {
            *running = None;
        }
        is_over
    }
}

/// Takes snapshots until nobody looks.
async fn produce(feed: Arc<Feed>, send: watch::Sender<Bytes>, mut capture: impl FnMut() -> Bytes) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if feed.is_over(&send) {
            return;
        }
        send.send_replace(capture());
    }
}

impl Viewer {
    /// Sends each snapshot until the viewer goes, does not read, or the port ends.
    pub(super) async fn serve(mut self, session: &mut ServerSession, shutdown: &ShutdownWatch) {
        let mut shutdown = shutdown.clone();
        tokio::select! {
            // It ends with the stream whatever its value is: a port that is gone ends it as well.
            _ = shutdown.wait_for(|ends| *ends) => {}
            () = self.stream(session) => {}
        }
    }

    async fn stream(&mut self, session: &mut ServerSession) {
        let Ok(head) = head() else {
            return;
        };
        session.set_keepalive(None);
        if !in_time(session.write_response_header(Box::new(head))).await {
            return;
        }
        // Nothing there yet is a snapshot to wait for, and one that is there is worth showing at once.
        self.latest.mark_changed();
        while self.latest.changed().await.is_ok() {
            let snapshot = self.latest.borrow_and_update().clone();
            if !in_time(session.write_response_body(snapshot, false)).await {
                return;
            }
        }
    }
}

/// Whether it was done, and soon enough.
async fn in_time<T>(write: impl Future<Output = pingora_core::Result<T>>) -> bool {
    matches!(timeout(PATIENCE, write).await, Ok(Ok(_)))
}

fn head() -> pingora_core::Result<ResponseHeader> {
    let mut head = ResponseHeader::build(200, Some(3))?;
    head.insert_header(header::CONTENT_TYPE, "text/event-stream")?;
    head.insert_header(header::CACHE_CONTROL, "no-store")?;
    head.insert_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    Ok(head)
}

/// A snapshot as an event: one line of JSON.
fn event(snapshot: &StatusSnapshot) -> Bytes {
    let mut event = b"data: ".to_vec();
    // A snapshot has nothing that JSON can't say; and if it had, the next one may not.
    if serde_json::to_writer(&mut event, snapshot).is_err() {
        return Bytes::from_static(b": no snapshot\n\n");
    }
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    /// A feed whose snapshots are numbered, and how many were taken.
    fn numbered() -> (Arc<Feed>, Arc<AtomicUsize>) {
        (Arc::default(), Arc::default())
    }

    fn join(feed: &Arc<Feed>, taken: &Arc<AtomicUsize>) -> Option<Viewer> {
        let taken = Arc::clone(taken);
        feed.join(move || taken.fetch_add(1, SeqCst).to_string().into())
    }

    #[tokio::test(start_paused = true)]
    async fn all_viewers_see_the_pictures_of_one_producer() {
        let (feed, taken) = numbered();
        let mut viewers: Vec<_> = (0..3).map(|_| join(&feed, &taken).unwrap()).collect();
        for snapshot in ["0", "1", "2"] {
            for viewer in &mut viewers {
                viewer.latest.changed().await.unwrap();
                assert_eq!(*viewer.latest.borrow_and_update(), snapshot);
            }
        }
        assert_eq!(taken.load(SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_looking_costs_nothing_and_looking_again_works() {
        let (feed, taken) = numbered();
        let mut viewer = join(&feed, &taken).unwrap();
        viewer.latest.changed().await.unwrap();
        drop(viewer);
        tokio::time::sleep(PERIOD * 100).await;
        assert_eq!(taken.load(SeqCst), 1);
        assert!(feed.latest.lock().is_none());
        let mut viewer = join(&feed, &taken).unwrap();
        viewer.latest.changed().await.unwrap();
        assert_eq!(*viewer.latest.borrow(), "1");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many_places_and_they_come_back() {
        let (feed, taken) = numbered();
        let mut viewers: Vec<_> = (0..MOST_VIEWERS)
            .map(|_| join(&feed, &taken).unwrap())
            .collect();
        assert!(join(&feed, &taken).is_none());
        viewers.pop();
        assert!(join(&feed, &taken).is_some());
    }
}
