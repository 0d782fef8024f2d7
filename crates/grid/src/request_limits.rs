//! The most requests under way to each substation (`upstream.max_requests`).
//!
//! The judgement is the library's own ([`switchyard_balance::request_limits`]). This module has the timer, and reads what
//! has come of the requests from the counters that are kept anyway, so a request pays for none of it. With a number, or
//! `off`, there is no timer.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{RequestLimit, RequestLimits, request_limits::INTERVAL};
use switchyard_config::MaxRequests;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{grid::Grid, substation::Substation};

/// A look at more substations than this is proportionally rarer: it is to cost a small part of one core, and with so
/// many a slow one has a small part of the requests.
const LOOKED_AT_OFTEN: usize = 500;

/// The judgement, where it is asked for.
#[derive(Debug, Default)]
pub(super) struct Judgement(Option<Learning>);

#[derive(Debug)]
struct Learning {
    timer: tokio::time::Interval,
    last: Instant,
}

impl Judgement {
    /// Follows the substations of `grid` and its rule from now on.
    pub(super) fn follow(&mut self, grid: &Grid) {
        let fixed = match grid.max_requests {
            MaxRequests::Auto => {
                let learning = self.0.get_or_insert_with(Learning::new);
                learning.follow(grid);
                return;
            }
            MaxRequests::Off => RequestLimit::Unlimited,
            MaxRequests::AtMost(most) => RequestLimit::Hard(most),
        };
        self.0 = None;
        grid.shared.learning.lock().limits = RequestLimits::default();
        for substation in grid.substations() {
            substation.ledger().set_request_limit(fixed);
        }
    }

    /// Waits until the next look is due; for ever where nothing is judged.
    pub(super) async fn due(&mut self) {
        match &mut self.0 {
            Some(learning) => {
                learning.timer.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Looks at all substations, and sets their limits. `asked` tells since when the gauge of the one at a position has been
    /// asked in vain.
    pub(super) fn look(&mut self, grid: &Grid, asked: impl Fn(usize) -> Option<Instant>) {
        if let Some(learning) = &mut self.0 {
            learning.look(grid, asked);
        }
    }
}

impl Learning {
    fn new() -> Self {
        Self {
            timer: timer(INTERVAL),
            last: Instant::now(),
        }
    }

    fn follow(&mut self, grid: &Grid) {
        let substations = grid.substations();
        let mut learning = grid.shared.learning.lock();
        learning.limits.follow(grid.ids());
        drop(learning);
        let times = substations.len().div_ceil(LOOKED_AT_OFTEN).max(1);
        let period = INTERVAL * u32::try_from(times).unwrap_or(u32::MAX);
        if self.timer.period() != period {
            self.timer = timer(period);
        }
        for substation in substations {
            let ledger = substation.ledger();
            // A number that was configured before.
            if matches!(ledger.request_limit(), RequestLimit::Hard(_)) {
                ledger.set_request_limit(RequestLimit::Unlimited);
            }
        }
    }

    fn look(&mut self, grid: &Grid, asked: impl Fn(usize) -> Option<Instant>) {
        let now = Instant::now();
        let elapsed = now - std::mem::replace(&mut self.last, now);
        let substations = grid.substations();
        let traffic = substations.iter().enumerate().map(|(at, substation)| {
            let is_in = substation.ledger().is_in();
            is_in.then(|| {
                let asked = asked(at).map_or(Duration::ZERO, |asked| now - asked);
                substation.metrics().traffic(substation.ledger(), asked)
            })
        });
        let mut learning = grid.shared.learning.lock();
        let limits = learning.limits.look(traffic, elapsed);
        for (substation, limit) in substations.iter().zip(limits) {
            set(substation, limit);
        }
    }
}

fn set(substation: &Arc<Substation>, limit: RequestLimit) {
    let ledger = substation.ledger();
    // Most have none and get none: a ledger that does not change stays in the caches of those that choose.
    if ledger.request_limit() != limit {
        ledger.set_request_limit(limit);
    }
}

fn timer(period: Duration) -> tokio::time::Interval {
    let mut timer = interval_at(Instant::now() + period, period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}
