//! A substation: its session book behind one lock, and the metrics that follow it.
//!
//! One plain mutex is held for each look at the book, for well under a microsecond and never across an
//! `await`. That makes the check of the capacity and the booking one step, and gives all observers one
//! order of events: a scrape that begins after an answer has left sees that session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::Error as MetricsError;
use tokio::time::{Instant, sleep_until};

use crate::book::{Book, Demand, Refusal, Session};
use crate::config::{Checked, Config};
use crate::error::ConfigError;
use crate::ids::{Id, Ids};
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
    book: Mutex<Book>,
    metrics: Metrics,
    request_ids: Ids,
}

/// A session as it stood at one moment, with the load of the substation at that moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) id: Id,
    pub(crate) session: Session,
    pub(crate) remaining: Duration,
    pub(crate) load: Power,
}

impl Substation {
    /// A substation without sessions. It answers nobody until [`run`](crate::run) serves it.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let config = config.check()?;
        let metrics = Metrics::new(config.capacity).map_err(|error| metrics_fault(&error))?;
        let book = Mutex::new(Book::new(
            config.capacity,
            config.time_scale,
            Instant::now(),
        ));
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

    /// Books a session, and counts the request.
    pub(crate) fn charge(&self, demand: Demand) -> Result<Seen, Refusal> {
        let metrics = self.metrics();
        let booked = self.with_book(|book| {
            let (id, session) = book.admit(demand)?;
            metrics.started.inc();
            Ok(Seen {
                id,
                session,
                remaining: book.remaining(&session),
                load: book.load(),
            })
        });
        match &booked {
            Ok(_) => metrics.accepted.inc(),
            Err(Refusal::NoCapacity { .. }) => metrics.no_capacity.inc(),
            Err(Refusal::Draining) => metrics.draining.inc(),
        }
        booked
    }

    pub(crate) fn session(&self, id: Id) -> Option<Seen> {
        self.with_book(|book| {
            let session = book.get(id)?;
            Some(Seen {
                id,
                session,
                remaining: book.remaining(&session),
                load: book.load(),
            })
        })
    }

    /// Ends a session now. What comes back is the session as it was, and the load without it.
    pub(crate) fn unplug(&self, id: Id) -> Option<Seen> {
        let metrics = self.metrics();
        self.with_book(|book| {
            let (session, ended) = book.cancel(id)?;
            metrics.ended(ended);
            Some(Seen {
                id,
                session,
                remaining: book.remaining(&session),
                load: book.load(),
            })
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
        // Nothing below the lock panics; if it did, the load would still be the best there is.
        let mut book = self
            .inner
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        book.advance(Instant::now(), |ended| self.inner.metrics.ended(ended));
        look(&mut book)
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
        substation.charge(demand(11.0)).unwrap();
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
        substation.charge(demand(11.0)).unwrap();
        substation.drain();
        assert_eq!(
            substation.charge(demand(11.0)).unwrap_err(),
            Refusal::Draining
        );
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
                    .filter(|_| substation.charge(demand(3.7)).is_ok())
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
