//! A substation: its session book behind one lock, and its metrics.
//!
//! One plain mutex is held for each access to the book, for well under a microsecond and never across an
//! `await`. That makes the check of the capacity and the booking one step, and gives all readers one
//! order of events: a scrape that begins after a response has left sees that session.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::Error as MetricsError;
use tokio::time::{Instant, sleep_until};

use crate::book::{Admitted, Book, Refusal};
use crate::config::{Checked, Config};
use crate::error::ConfigError;
use crate::ids::{Id, Ids};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::session::{Demand, Session};
use crate::units::Power;

/// While waiting for sessions to end: how often to check for one that was unplugged before its time.
const UNPLUG_CHECK: Duration = Duration::from_millis(100);

/// A simulated charging substation. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Substation {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Checked,
    records: Mutex<Records>,
    metrics: Metrics,
    request_ids: Ids,
}

/// The book, and the file of its bookings.
#[derive(Debug)]
struct Records {
    book: Book,
    journal: Option<Journal>,
}

/// What a charge request says beyond its demand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChargeContext<'a> {
    pub(crate) request_id: Option<&'a str>,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<&'a str>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NotBooked {
    Refused(Refusal),
    /// The journal could not be written, so nothing was booked.
    Journal(std::io::Error),
}

/// A session as it stood at one moment, with the load of the substation at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionView {
    pub(crate) id: Id,
    pub(crate) session: Session,
    pub(crate) remaining: Duration,
    pub(crate) load: Power,
    /// An earlier request with the same key has booked it.
    pub(crate) is_replay: bool,
}

impl Substation {
    /// A substation without sessions, or with those of its journal. [`run`](crate::run) serves it.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let config = config.check()?;
        let metrics =
            Metrics::new(&config.name, config.capacity).map_err(|error| metrics_fault(&error))?;
        let now = Instant::now();
        let mut book = Book::new(config.capacity, config.time_scale, now);
        let open = |path: &PathBuf| {
            Journal::open(path, &mut book, now).map_err(|error| ConfigError::Journal {
                path: path.clone(),
                reason: error.to_string(),
            })
        };
        let journal = config.journal.as_ref().map(open).transpose()?;
        let records = Mutex::new(Records { book, journal });
        let request_ids = Ids::default();
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                records,
                metrics,
                request_ids,
            }),
        })
    }

    /// The substation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }

    /// The power that all running sessions draw together, in kW: the value of the gauge now.
    #[must_use]
    pub fn current_load_kw(&self) -> f64 {
        self.with_book(|book| book.load().kw())
    }

    /// How many sessions are running.
    #[must_use]
    pub fn active_sessions(&self) -> u64 {
        self.with_book(|book| book.active() as u64)
    }

    /// How many sessions have been booked since the start.
    #[must_use]
    pub fn sessions_started(&self) -> u64 {
        self.metrics().started.get()
    }

    /// Books no more sessions: `/charge` and `/ready` answer 503 from now on. Running sessions go on.
    pub fn drain(&self) {
        self.with_book(Book::close);
    }

    /// Waits until no session is running. Call [`drain`](Self::drain) before, or new sessions prolong it.
    pub async fn drained(&self) {
        while let Some(next) = self.with_book(|book| book.next_end()) {
            sleep_until(next.min(Instant::now() + UNPLUG_CHECK)).await;
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.with_book(|book| !book.is_open())
    }

    pub(crate) fn config(&self) -> &Checked {
        &self.inner.config
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn new_request_id(&self) -> Id {
        self.inner.request_ids.next()
    }

    /// Books a session, unless its key has booked one before, and counts the request.
    pub(crate) fn charge(
        &self,
        demand: Demand,
        context: ChargeContext<'_>,
    ) -> Result<SessionView, NotBooked> {
        let metrics = self.metrics();
        let booked = self.with_records(|Records { book, journal }| {
            let admitted = book
                .admit_once(context.key, demand)
                .map_err(NotBooked::Refused)?;
            let Admitted {
                id,
                session,
                is_replay,
            } = admitted;
            if !is_replay {
                // Before the response, and under the lock: no scrape sees a session that a crash would lose.
                if let Some(journal) = journal
                    && let Err(error) =
                        journal.write_booking(id, &session, context.request_id, context.key)
                {
                    book.undo(id, context.key);
                    return Err(NotBooked::Journal(error));
                }
                metrics.started.inc();
            }
            Ok(SessionView {
                is_replay,
                ..view(book, id, session)
            })
        });
        match &booked {
            Ok(view) if view.is_replay => metrics.repeated.inc(),
            Ok(_) => metrics.accepted.inc(),
            Err(NotBooked::Refused(Refusal::NoCapacity { .. })) => metrics.no_capacity.inc(),
            Err(NotBooked::Refused(Refusal::Draining)) => metrics.draining.inc(),
            Err(NotBooked::Refused(Refusal::KeyReused)) => metrics.invalid.inc(),
            Err(NotBooked::Journal(_)) => {}
        }
        booked
    }

    pub(crate) fn session(&self, id: Id) -> Option<SessionView> {
        self.with_book(|book| Some(view(book, id, book.get(id)?)))
    }

    /// Ends a session now. Returns the session as it was, with the load without it.
    pub(crate) fn unplug(&self, id: Id) -> Option<SessionView> {
        let metrics = self.metrics();
        self.with_records(|Records { book, journal }| {
            let (session, ended) = book.cancel(id)?;
            if let Some(journal) = journal
                && let Err(error) = journal.write_unplugging(id)
            {
                tracing::warn!(substation = self.name(), session = %id, %error, "Session unplugged, but not written to the journal");
            }
            metrics.count_end(ended);
            Some(view(book, id, session))
        })
    }

    /// The page for Prometheus.
    pub(crate) fn exposition(&self) -> Result<String, MetricsError> {
        // Under the lock: of two scrapes at once, the older must not overwrite the newer.
        self.with_book(|book| self.metrics().observe(book));
        self.metrics().encode()
    }

    fn with_book<T>(&self, access: impl FnOnce(&mut Book) -> T) -> T {
        self.with_records(|records| access(&mut records.book))
    }

    /// Every access to the book goes through here, so that no reader sees a book behind the clock.
    fn with_records<T>(&self, access: impl FnOnce(&mut Records) -> T) -> T {
        // Nothing panics under the lock. If it did, this load would still be the best known.
        let mut records = self
            .inner
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        records
            .book
            .advance(Instant::now(), |end| self.inner.metrics.count_end(end));
        access(&mut records)
    }
}

fn view(book: &Book, id: Id, session: Session) -> SessionView {
    SessionView {
        id,
        session,
        remaining: book.remaining(&session),
        load: book.load(),
        is_replay: false,
    }
}

fn metrics_fault(error: &MetricsError) -> ConfigError {
    ConfigError::Metrics(error.to_string())
}

#[cfg(test)]
mod tests;
