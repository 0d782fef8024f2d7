//! A substation: its session book behind one lock, and the metrics that follow it.
//!
//! One plain mutex is held for each look at the book, for well under a microsecond and never across an
//! `await`. That makes the check of the capacity and the booking one step, and gives all observers one
//! order of events: a scrape that begins after an answer has left sees that session.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::Error as MetricsError;
use tokio::time::{Instant, sleep_until};

use crate::book::{Admitted, Book, Demand, Refusal, Session};
use crate::config::{Checked, Config};
use crate::error::ConfigError;
use crate::ids::{Id, Ids};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::units::Power;

/// While waiting for sessions to end: how often to look whether one was unplugged before its time.
const UNPLUG_CHECK: Duration = Duration::from_millis(100);

/// A simulated charging substation. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Substation {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Checked,
    book: Mutex<Ledger>,
    metrics: Metrics,
    request_ids: Ids,
}

/// The book, and the file that it is written to.
#[derive(Debug)]
struct Ledger {
    book: Book,
    journal: Option<Journal>,
}

/// Who asks, as far as it is written down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asker<'a> {
    pub(crate) request_id: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NotBooked {
    Refused(Refusal),
    /// It could not be written down, and so was not booked.
    Journal(std::io::Error),
}

/// A session as it stood at one moment, with the load of the substation at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) id: Id,
    pub(crate) session: Session,
    pub(crate) remaining: Duration,
    pub(crate) load: Power,
    /// It had been booked before, under the same key.
    pub(crate) is_replay: bool,
}

impl Substation {
    /// A substation without sessions. It answers nobody until [`run`](crate::run) serves it.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let config = config.check()?;
        let metrics = Metrics::new(config.capacity).map_err(|error| metrics_fault(&error))?;
        let now = Instant::now();
        let mut book = Book::new(config.capacity, config.time_scale, now);
        let open = |path: &PathBuf| {
            Journal::open(path, &mut book, now).map_err(|error| ConfigError::Journal {
                path: path.clone(),
                reason: error.to_string(),
            })
        };
        let journal = config.journal.as_ref().map(open).transpose()?;
        let book = Mutex::new(Ledger { book, journal });
        let request_ids = Ids::default();
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                book,
                metrics,
                request_ids,
            }),
        })
    }

    /// What the substation calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }

    /// The power that all running sessions draw together, in kW: what the gauge would show now.
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

    /// Books no more sessions: `/charge` and `/ready` answer 503 from now on. What runs goes on.
    pub fn drain(&self) {
        self.with_book(Book::close);
    }

    /// Waits until no session is running, which is bound to come only after [`drain`](Self::drain).
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
    pub(crate) fn charge(&self, demand: Demand, asker: Asker<'_>) -> Result<Seen, NotBooked> {
        let metrics = self.metrics();
        let booked = self.with_ledger(|Ledger { book, journal }| {
            let admitted = book
                .admit_once(asker.key, demand)
                .map_err(NotBooked::Refused)?;
            let Admitted {
                id,
                session,
                is_replay,
            } = admitted;
            if !is_replay {
                // Before the answer, and under the lock: no scrape sees a session that a crash would lose.
                if let Some(journal) = journal
                    && let Err(error) = journal.booked(id, &session, asker.request_id, asker.key)
                {
                    book.take_back(id, asker.key);
                    return Err(NotBooked::Journal(error));
                }
                metrics.started.inc();
            }
            Ok(Seen {
                is_replay,
                ..seen(book, id, session)
            })
        });
        match &booked {
            Ok(seen) if seen.is_replay => metrics.repeated.inc(),
            Ok(_) => metrics.accepted.inc(),
            Err(NotBooked::Refused(Refusal::NoCapacity { .. })) => metrics.no_capacity.inc(),
            Err(NotBooked::Refused(Refusal::Draining)) => metrics.draining.inc(),
            Err(NotBooked::Refused(Refusal::KeyReused)) => metrics.invalid.inc(),
            Err(NotBooked::Journal(_)) => {}
        }
        booked
    }

    pub(crate) fn session(&self, id: Id) -> Option<Seen> {
        self.with_book(|book| Some(seen(book, id, book.get(id)?)))
    }

    /// Ends a session now. What comes back is the session as it was, and the load without it.
    pub(crate) fn unplug(&self, id: Id) -> Option<Seen> {
        let metrics = self.metrics();
        self.with_ledger(|Ledger { book, journal }| {
            let (session, ended) = book.cancel(id)?;
            if let Some(journal) = journal
                && let Err(error) = journal.unplugged(id)
            {
                tracing::warn!(substation = self.name(), session = %id, %error, "Unplugged, but not in the journal");
            }
            metrics.ended(ended);
            Some(seen(book, id, session))
        })
    }

    /// The page for Prometheus.
    pub(crate) fn exposition(&self) -> Result<String, MetricsError> {
        // Set under the lock: of two scrapes at once, the older must not overwrite the newer.
        self.with_book(|book| self.metrics().observe(book));
        self.metrics().encode()
    }

    /// Every look at the book goes through here, so that nobody sees one that is behind the clock.
    fn with_book<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        self.with_ledger(|ledger| look(&mut ledger.book))
    }

    fn with_ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        // Nothing below the lock panics; if it did, the load would still be the best there is.
        let mut ledger = self
            .inner
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ledger
            .book
            .advance(Instant::now(), |ended| self.inner.metrics.ended(ended));
        look(&mut ledger)
    }
}

fn seen(book: &Book, id: Id, session: Session) -> Seen {
    Seen {
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
mod tests {
    use super::*;
    use crate::units::Energy;

    fn demand(kw: f64) -> Demand {
        Demand {
            power: Power::from_kw(kw).unwrap(),
            energy: Energy::from_kwh(kw).unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_over_when_its_hour_is_whether_or_not_anybody_looked() {
        let substation = Substation::new(Config::new("s", 100.0)).unwrap();
        substation.charge(demand(11.0), Asker::default()).unwrap();
        assert_eq!(substation.current_load_kw(), 11.0);
        tokio::time::advance(Duration::from_secs(3599)).await;
        assert_eq!(substation.current_load_kw(), 11.0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(substation.current_load_kw(), 0.0);
        assert_eq!(
            (substation.active_sessions(), substation.sessions_started()),
            (0, 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn drained_waits_for_the_last_session_and_no_longer() {
        let substation = Substation::new(Config::new("s", 100.0)).unwrap();
        let start = Instant::now();
        substation.charge(demand(11.0), Asker::default()).unwrap();
        substation.drain();
        assert!(matches!(
            substation.charge(demand(11.0), Asker::default()),
            Err(NotBooked::Refused(Refusal::Draining))
        ));
        substation.drained().await;
        let waited = start.elapsed().as_secs_f64();
        assert!((3600.0..3600.2).contains(&waited), "{waited} s");
    }

    #[test]
    fn many_at_once_never_book_more_than_fits() {
        let substation = Substation::new(Config::new("s", 1000.0)).unwrap();
        let booked: usize = std::thread::scope(|scope| {
            let one = || {
                (0..500)
                    .filter(|_| substation.charge(demand(3.7), Asker::default()).is_ok())
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(booked, 270); // 270 x 3.7 = 999
        assert_eq!(substation.current_load_kw(), 999.0);
    }
}
