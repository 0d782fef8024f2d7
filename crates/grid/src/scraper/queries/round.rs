//! One round of queries: how far back it asks, what it brings, and how a sample gets into its ledger.

use std::{sync::Arc, time::Duration};

use switchyard_balance::Reading;
use switchyard_promql::{Answer, Offset, QueryError, Series};
use switchyard_scrape::PollOutcome;
use tokio::time::{Instant, timeout};

use super::{
    found::{Found, Sample, SeriesFault},
    index::Index,
    notes::Notes,
};
use crate::{grid::Grid, queries::Source, substation::Substation};

/// A round that ended.
pub(super) struct Ended {
    pub(super) index: Arc<Index>,
    pub(super) source: Arc<Source>,
    pub(super) took: Duration,
    pub(super) found: Found,
    pub(super) answer: Result<Answer, QueryError>,
    pub(super) capacities: Result<(), QueryError>,
}

/// How far back a round asks, where Prometheus scrapes every `interval`, and samples are told of after `delay`.
pub(super) fn reach(interval: Duration, delay: Duration, source: &Source) -> Duration {
    interval * 2 + delay + source.settings.interval + source.settings.max_skew
}

/// The age of a sample when its answer came.
pub(super) fn age(
    sample: &Sample,
    source: &Source,
    answer: &Answer,
    offset: Offset,
) -> Result<Duration, SeriesFault> {
    let age = answer
        .received_at
        .saturating_sub(sample.stamp)
        .saturating_add(offset.ahead());
    match u64::try_from(age) {
        Ok(age) => Ok(Duration::from_millis(age)),
        Err(_) if u128::from(age.unsigned_abs()) <= source.settings.max_skew.as_millis() => {
            Ok(Duration::ZERO)
        }
        Err(_) => Err(SeriesFault::Future),
    }
}

/// Gives a sample that was of this age when it was received to the ledger of `substation`. Returns whether it could be
/// read.
pub(super) fn take(
    grid: &Grid,
    substation: &Substation,
    notes: &Notes,
    source: &Source,
    sample: &Sample,
    (received, age): (Instant, Duration),
) -> bool {
    let clock = grid.clock();
    // It may have been taken before this process began.
    let then = clock.at(received).minus(age);
    // What a scrape or the process before this one has seen may be newer.
    if substation.sampled_at().is_some_and(|known| then <= known) {
        return false;
    }
    let (skew, lag) = (source.settings.max_skew, source.visibility_lag);
    let Some(around) = notes.around(substation.id(), (received, age), skew, lag) else {
        return false;
    };
    let capacity = substation.configured_capacity().or(sample.capacity);
    let reading = Reading {
        load: sample.load,
        capacity,
    };
    substation.ledger().sample_of(&around, reading);
    substation.metrics().poll(PollOutcome::Ok);
    substation.stamp_past_sample(then, clock.now());
    true
}

/// Gives the capacity beside a sample that is no news to the ledger of `substation`: it may have been missing before.
pub(super) fn take_capacity(substation: &Substation, sample: &Sample) {
    let (ledger, capacity) = (substation.ledger(), sample.capacity);
    if substation.configured_capacity().is_none()
        && capacity.is_some()
        && ledger.capacity() != capacity
    {
        ledger.set_capacity(capacity);
    }
}

/// Asks once for all substations.
pub(super) async fn ask(source: Arc<Source>, index: Arc<Index>, range: Duration) -> Ended {
    let began = Instant::now();
    let limit = source.client.timeout();
    let (mut found, mut answer) = (Found::default(), None);
    let asked = async {
        let mut session = source.client.connect().await?;
        let take = &mut |series: Series<'_>| found.take(&index, &series);
        answer = Some(session.samples(range, take).await?);
        // Later: what has a sample by then also has the capacity that was read with it.
        let take = &mut |series: Series<'_>| found.take_capacity(&index, &series);
        session.capacities(take).await
    };
    let asked = timeout(limit, asked).await;
    let asked = asked.unwrap_or(Err(QueryError::Slow(limit)));
    let (answer, capacities) = match (answer, asked) {
        (Some(answer), capacities) => (Ok(answer), capacities),
        (None, asked) => (Err(asked.err().unwrap_or(QueryError::Empty)), Ok(())),
    };
    Ended {
        index,
        source,
        took: began.elapsed(),
        found,
        answer,
        capacities,
    }
}
