//! The pages that grow with the grid, such as `/metrics` and `/status`: written on a thread of their own, one at a time.
//!
//! The main thread scrapes the gauges, and while it writes a page of megabytes, samples grow old. So these pages are
//! written on another thread. One is written at a time, whatever the number of clients: they take turns, and all that
//! asked for a page before it was begun share it. A page that is older than its request is never an answer.
//!
//! Pages that are being sent take memory for as long as their clients take to read them. So few requests at once have a
//! page or wait for one to be written, and a few more wait for them.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header, response::Parts};
use switchyard_wire::{Code, Failure};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{encoding, failure, text};

/// The most requests that have a page, or have one written.
const MOST_AT_ONCE: usize = 4;
/// The most requests that wait for one of these.
const MOST_WAITING: usize = 32;
/// Shorter pages are not worth compressing, in bytes.
const LEAST_COMPRESSED: usize = 1024;

/// Which page, and how it is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    path: String,
    query: Option<String>,
    is_compressed: bool,
    /// Metrics in the format of OpenMetrics.
    is_open_metrics: bool,
}

impl Wanted {
    /// Whether metrics are wanted in the format of OpenMetrics.
    pub(super) fn is_open_metrics(&self) -> bool {
        self.is_open_metrics
    }

    /// The page of a request.
    pub(super) fn new(path: &str, query: Option<&str>, headers: &HeaderMap) -> Self {
        Self {
            path: path.to_owned(),
            query: query.map(str::to_owned),
            is_compressed: encoding::wants_gzip(headers),
            is_open_metrics: path == METRICS_PATH && encoding::wants_open_metrics(headers),
        }
    }
}

/// The only page that there is in two formats.
const METRICS_PATH: &str = "/metrics";

/// Whether a path is that of such a page.
pub(super) fn is_page(path: &str) -> bool {
    matches!(
        path,
        METRICS_PATH
            | "/status"
            | "/get_current_load"
            | "/decisions"
            | "/config"
            | "/history"
            | "/limits"
    )
}

/// The turns of those that want pages.
#[derive(Debug)]
pub(super) struct Pages {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// How many pages were begun.
    begun: AtomicU64,
    last: Mutex<Option<Last>>,
}

/// The page that was written last, while a client has it.
#[derive(Debug)]
struct Last {
    number: u64,
    wanted: Wanted,
    page: Weak<Written>,
}

#[derive(Debug)]
struct Written {
    head: Parts,
    body: Bytes,
}

/// The body of a page, and the place of its request. It is attached to an answer until that is sent.
#[derive(Clone, Debug)]
pub(super) struct Held {
    page: Arc<Written>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn body(&self) -> &Bytes {
        &self.page.body
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(MOST_AT_ONCE + MOST_WAITING)),
            begun: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }
}

impl Pages {
    /// The answer with this page, which `write` writes. Its body is [`Held`] in an extension. A place is waited for no
    /// longer than `longest`.
    pub(super) async fn get(
        &self,
        wanted: Wanted,
        longest: Duration,
        write: impl FnOnce(&str, Option<&str>) -> Response<Vec<u8>> + Send + 'static,
    ) -> Response<Vec<u8>> {
        let asked_at = self.begun.load(Relaxed);
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return busy();
        };
        let place = timeout(longest, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return busy();
        };
        let Some(page) = self.page(asked_at, wanted, write).await else {
            return text(500, "the page can't be written: the log says why\n");
        };
        let mut answer = Response::from_parts(page.head.clone(), Vec::new());
        if answer.extensions().get::<Failure>().is_none() {
            let held = Held {
                page,
                _place: Arc::new(place),
            };
            answer.extensions_mut().insert(held);
        }
        answer
    }

    /// The page that was written last, if it was begun after `asked_at` others; otherwise a new one. `None` if writing
    /// it panics.
    async fn page(
        &self,
        asked_at: u64,
        wanted: Wanted,
        write: impl FnOnce(&str, Option<&str>) -> Response<Vec<u8>> + Send + 'static,
    ) -> Option<Arc<Written>> {
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref()
            && last.number > asked_at
            && last.wanted == wanted
            && let Some(page) = last.page.upgrade()
        {
            return Some(page);
        }
        let number = self.begun.fetch_add(1, Relaxed) + 1;
        let of_thread = wanted.clone();
        let written = spawn_blocking(move || {
            let answer = write(&of_thread.path, of_thread.query.as_deref());
            Arc::new(Written::new(answer, &of_thread))
        });
        let page = written.await.ok()?;
        *last = Some(Last {
            number,
            wanted,
            page: Arc::downgrade(&page),
        });
        Some(page)
    }
}

impl Written {
    fn new(answer: Response<Vec<u8>>, wanted: &Wanted) -> Self {
        let (mut head, plain) = answer.into_parts();
        let vary = HeaderValue::from_static(if wanted.path == METRICS_PATH {
            "accept, accept-encoding"
        } else {
            "accept-encoding"
        });
        head.headers.insert(header::VARY, vary);
        if wanted.is_compressed
            && plain.len() >= LEAST_COMPRESSED
            && let Ok(body) = encoding::gzip(&plain)
        {
            let gzip = HeaderValue::from_static("gzip");
            head.headers.insert(header::CONTENT_ENCODING, gzip);
            let body = body.into();
            return Self { head, body };
        }
        let body = plain.into();
        Self { head, body }
    }
}

fn busy() -> Response<Vec<u8>> {
    let message = format!(
        "{MOST_AT_ONCE} requests have a page of the admin port or wait for it, and others wait for them; ask again later, and less often"
    );
    failure(&Failure::new(Code::Overloaded, message))
}

#[cfg(test)]
mod tests;
