//! Limits that come and go, in force on the grid.
//!
//! The table of what sources have ordered ([`switchyard_limits`]) says at each moment which limit is the strictest of a
//! name. Here it gets its clocks and its lock, and each change of it is put into force under that lock: when a command is
//! answered, and when a task wakes up because something is due. A reload needs nothing of it: the grid gives its limit to
//! whatever is listed under a name ([`Grid::set_limit`]).

mod log;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use switchyard_grid::Grid;
use switchyard_limits::{
    CarriedLimits, Change, Full, InForce, Limits as Table, Now, Order, Restored, ShownLimit, Stage,
    Timestamp,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::metrics::LimitGauges;

/// Uptimes count from so long before the start of the process, so that an earlier process' heartbeats have one too.
const BEFORE: Duration = Duration::from_hours(100 * 24);
/// How long the task sleeps at most while something is due by the wall clock, which may be set meanwhile.
const LONGEST_BY_WALL: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub struct Limits {
    /// Its lock is held until the grid has what has changed.
    table: Mutex<Table>,
    start: Instant,
    /// Something may be due earlier than before.
    due: Notify,
    /// What the next process needs has changed.
    news: Notify,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            start: Instant::now(),
            due: Notify::new(),
            news: Notify::new(),
        }
    }
}

impl Limits {
    /// Puts an order of a source into force. It is in force when this returns.
    pub fn put(
        &self,
        grid: &Grid,
        name: &str,
        order: Order,
        client: IpAddr,
    ) -> Result<ShownLimit, Full> {
        self.change(grid, client, |table, now| table.put(name, order, now))
    }

    /// A source is heard. `None` if it has no limit for the name.
    #[must_use]
    pub fn heartbeat(
        &self,
        grid: &Grid,
        (name, source): (&str, &str),
        client: IpAddr,
    ) -> Option<ShownLimit> {
        let heard = |table: &mut Table, now| table.heartbeat(name, source, now).ok_or(());
        self.change(grid, client, heard).ok()
    }

    /// Takes a limit away, and returns what it was. `None` if the source has none for the name.
    #[must_use]
    pub fn delete(
        &self,
        grid: &Grid,
        (name, source): (&str, &str),
        client: IpAddr,
    ) -> Option<ShownLimit> {
        let delete = |table: &mut Table, _| table.delete(name, source).ok_or(());
        self.change(grid, client, delete).ok()
    }

    /// Carries out a command, and puts what it changes into force.
    fn change<E>(
        &self,
        grid: &Grid,
        client: IpAddr,
        command: impl FnOnce(&mut Table, Now) -> Result<Change, E>,
    ) -> Result<ShownLimit, E> {
        let now = self.now();
        let mut table = self.table.lock();
        self.pass(&mut table, grid, now);
        let change = command(&mut table, now)?;
        if change.is_news() {
            put_in_force(&table, grid, [&change]);
            self.news.notify_one();
        }
        log::command(&change, client, table.in_force(&change.name).as_ref());
        self.due.notify_one();
        let shown = change.after.as_ref().or(change.before.as_ref());
        let shown = shown.map(|limit| limit.shown(&change.name, now));
        // A change has a limit before it or after it.
        Ok(shown.unwrap_or_default())
    }

    /// Lets time pass in the table, and puts what that changes into force.
    fn pass(&self, table: &mut Table, grid: &Grid, now: Now) {
        let changes = table.advance(now);
        if changes.is_empty() {
            return;
        }
        put_in_force(table, grid, &changes);
        self.news.notify_one();
        for change in &changes {
            log::passed(change, table.in_force(&change.name).as_ref());
        }
    }

    /// Puts into force what is due, when it is, on the grid of then. Never ends.
    pub async fn follow(&self, grid: impl Fn() -> Arc<Grid>) {
        loop {
            let due = self.put_due_in_force(&grid());
            let more = self.due.notified();
            match due {
                Some(due) => tokio::select! {
                    () = sleep(due) => {}
                    () = more => {}
                },
                None => more.await,
            }
        }
    }

    /// Puts into force what has become due. Returns how long nothing more is, as far as it is known.
    fn put_due_in_force(&self, grid: &Grid) -> Option<Duration> {
        let now = self.now();
        let mut table = self.table.lock();
        self.pass(&mut table, grid, now);
        let due = table.next_due(now)?;
        Some(if table.follows_wall() {
            due.min(LONGEST_BY_WALL)
        } else {
            due
        })
    }

    /// Completes once what the next process needs has changed.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whether there is a limit of this name, in force or not.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        !self.table.lock().of(name).is_empty()
    }

    /// All limits, by name and source.
    #[must_use]
    pub fn shown(&self) -> Vec<ShownLimit> {
        let now = self.now();
        let table = self.table.lock();
        let limits = table.all();
        limits.map(|(name, limit)| limit.shown(name, now)).collect()
    }

    /// Those of one name.
    #[must_use]
    pub fn shown_of(&self, name: &str) -> Vec<ShownLimit> {
        let now = self.now();
        let table = self.table.lock();
        let limits = table.of(name).iter();
        limits.map(|limit| limit.shown(name, now)).collect()
    }

    /// The strictest limit in force of this name.
    #[must_use]
    pub fn in_force(&self, name: &str) -> Option<switchyard_status::Limit> {
        let limit = self.table.lock().in_force(name)?;
        Some(status(&limit))
    }

    /// The strictest limits in force, by name.
    #[must_use]
    pub fn all_in_force(&self) -> HashMap<Arc<str>, switchyard_status::Limit> {
        let table = self.table.lock();
        let names = table.names();
        let in_force = names.filter_map(|name| Some((Arc::clone(name), table.in_force(name)?)));
        in_force
            .map(|(name, limit)| (name, status(&limit)))
            .collect()
    }

    /// What metrics show, by name.
    #[must_use]
    pub fn gauges(&self) -> Vec<LimitGauges> {
        let table = self.table.lock();
        let gauges = table.names().map(|name| {
            let fallbacks = table.of(name).iter();
            let fallbacks = fallbacks.filter(|limit| limit.stage() == Stage::Fallback);
            LimitGauges {
                name: Arc::clone(name),
                fallbacks: fallbacks.count() as u64,
            }
        });
        gauges.collect()
    }

    /// What the next process needs to go on.
    #[must_use]
    pub fn carry(&self) -> CarriedLimits {
        let now = self.now();
        self.table.lock().carry(now)
    }

    /// Goes on from what another process has left `ago`.
    pub fn restore(&self, grid: &Grid, carried: CarriedLimits, ago: Duration) -> Restored {
        let now = self.now();
        let mut table = self.table.lock();
        let restored = table.restore(carried, ago, now);
        for name in table.names() {
            set(&table, grid, name);
        }
        self.pass(&mut table, grid, now);
        self.due.notify_one();
        restored
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp::from(SystemTime::now()),
            uptime: BEFORE.saturating_add(self.start.elapsed()),
        }
    }
}

fn put_in_force<'a>(table: &Table, grid: &Grid, changes: impl IntoIterator<Item = &'a Change>) {
    let names: HashSet<_> = changes.into_iter().map(|change| &change.name).collect();
    for name in names {
        set(table, grid, name);
    }
}

fn set(table: &Table, grid: &Grid, name: &str) {
    grid.set_limit(name, table.in_force(name).map(|limit| limit.value));
}

fn status(limit: &InForce) -> switchyard_status::Limit {
    switchyard_status::Limit {
        value: limit.value.units(),
        source: limit.source.to_string(),
        until: limit.until.map(|until| until.to_string()),
        fallback_in_force: limit.is_fallback,
    }
}
