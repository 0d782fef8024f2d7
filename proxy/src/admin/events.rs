//! `GET /events`: the [snapshot](super::snapshot), once a second, as server-sent events.
//!
//! One producer serves all viewers: it captures a snapshot, writes it as JSON once, and every
//! viewer sends the same bytes. It does so on a thread of its own, so that a large grid delays no
//! scrape. The producer runs only while viewers are connected, so without viewers this costs
//! nothing. The number of viewers is limited. A viewer that does not read is
//! disconnected, and the end of the admin port disconnects all.
//!
//! The stream has neither length nor chunks: it ends with its connection.

use std::{future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use pingora_core::server::ShutdownWatch;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    head::put_head,
    snapshot::{RateWindow, capture},
};
use crate::{client_connection::ClientConnection, dispatch::DispatchState, runtime::Runtime};
use switchyard_status::StatusSnapshot;

/// The most viewers at once: they are people, not machines.
pub(super) const MOST_VIEWERS: usize = 32;
/// The time between two snapshots.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a viewer may take to accept a snapshot: longer than a laptop's lid is closed by
/// mistake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Distributes the snapshots while viewers are connected.
#[derive(Debug)]
pub(super) struct Feed {
    places: Arc<Semaphore>,
    /// The newest snapshot of the running producer; none while none runs.
    latest: Mutex<Option<watch::Receiver<Bytes>>>,
}

/// A connected viewer; dropping it frees its place.
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
    /// Adds a viewer, unless all places are taken. The first viewer starts the producer.
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
        // The channel of a producer that panicked is closed: its viewers come again, and get another.
        let alive = running.take().filter(|latest| latest.has_changed().is_ok());
        let latest = alive.unwrap_or_else(|| {
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

    /// Whether no viewer is left. If so, the next viewer starts another producer.
    fn is_over(&self, send: &watch::Sender<Bytes>) -> bool {
        let mut running = self.latest.lock();
        // One receiver is the feed's own.
        let is_over = send.receiver_count() <= 1;
        if is_over {
            *running = None;
        }
        is_over
    }
}

/// Captures snapshots until no viewer is left.
async fn produce(
    feed: Arc<Feed>,
    send: watch::Sender<Bytes>,
    mut capture: impl FnMut() -> Bytes + Send + 'static,
) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if feed.is_over(&send) {
            return;
        }
        let captured = spawn_blocking(move || {
            let snapshot = capture();
            (capture, snapshot)
        });
        // A capture that panics ends the stream of all viewers.
        let Ok((again, snapshot)) = captured.await else {
            return;
        };
        capture = again;
        send.send_replace(snapshot);
    }
}

impl Viewer {
    /// Sends each snapshot until the viewer leaves or stops reading, or the admin port ends.
    /// The answer to a `HEAD` is the head alone.
    pub(super) async fn serve(
        mut self,
        connection: &mut ClientConnection,
        is_head: bool,
        shutdown: &ShutdownWatch,
    ) {
        let mut shutdown = shutdown.clone();
        tokio::select! {
            // A dropped sender ends the stream as well, whatever the value.
            _ = shutdown.wait_for(|ends| *ends) => {}
            () = self.stream(connection, is_head) => {}
        }
    }

    async fn stream(&mut self, connection: &mut ClientConnection, is_head: bool) {
        if !in_time(connection.send(&head())).await || is_head {
            return;
        }
        // Send an existing snapshot at once. If there is none yet, the value is empty, which sends
        // nothing.
        self.latest.mark_changed();
        while self.latest.changed().await.is_ok() {
            let snapshot = self.latest.borrow_and_update().clone();
            if !in_time(connection.send(&snapshot)).await {
                return;
            }
        }
    }
}

/// Whether the write succeeded in time.
async fn in_time(write: impl Future<Output = io::Result<()>>) -> bool {
    matches!(timeout(PATIENCE, write).await, Ok(Ok(())))
}

fn head() -> Vec<u8> {
    let fields = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let fields = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let mut head = Vec::with_capacity(256);
    put_head(
        &mut head,
        StatusCode::OK,
        &HeaderMap::from_iter(fields),
        true,
    );
    head.extend_from_slice(b"\r\n");
    head
}

/// A snapshot as an event: one line of JSON.
fn event(snapshot: &StatusSnapshot) -> Bytes {
    let mut event = b"data: ".to_vec();
    // JSON can express every snapshot. If that failed, viewers would wait for the next one.
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

    /// A feed, and the number of its snapshots.
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
    async fn no_viewers_cost_nothing_and_a_later_viewer_restarts_the_producer() {
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
    async fn after_a_producer_that_panicked_the_next_viewer_gets_another() {
        let feed: Arc<Feed> = Arc::default();
        let mut viewer = feed.join(|| panic!("a capture that fails")).unwrap();
        assert!(viewer.latest.changed().await.is_err(), "its stream ends");
        let (_, taken) = numbered();
        let mut viewer = join(&feed, &taken).unwrap();
        viewer.latest.changed().await.unwrap();
        assert_eq!(*viewer.latest.borrow(), "0");
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_limited_and_a_leaving_viewer_frees_one() {
        let (feed, taken) = numbered();
        let mut viewers: Vec<_> = (0..MOST_VIEWERS)
            .map(|_| join(&feed, &taken).unwrap())
            .collect();
        assert!(join(&feed, &taken).is_none());
        viewers.pop();
        assert!(join(&feed, &taken).is_some());
    }
}
