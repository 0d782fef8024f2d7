//! What becomes of a request that finds no room: a wait in line where that is configured, and else a
//! refusal that says when there will be room.

use std::{pin::pin, sync::Arc};

use switchyard_balance::Refusal;
use tokio::time::Instant;

use super::{
    Code, Failure, Lane,
    charge::Charge,
    choose::Picked,
    departures,
    keys::Claim,
    retry::{self, Journey, Unbooked},
    route::Asked,
};
use crate::{grid::Substation, metrics::Waited};

impl Lane {
    /// The substation to ask next, if there is one for which this request need not wait.
    pub(super) fn admit(
        &self,
        charge: &Charge<'_>,
        journey: &Journey,
        claim: Option<&mut Claim<'_, Arc<Substation>>>,
    ) -> Result<Picked, Refusal> {
        // Who waits already comes first. (A request with a key may have its place at a substation.)
        let may_wait = journey.by.config.admission.is_on();
        if may_wait && claim.is_none() && self.shared.queue.length() > 0 {
            return Err(Refusal::NoCapacity);
        }
        self.pick(charge, journey, claim)
    }

    /// What becomes of a request that was not admitted: a wait for room, or its refusal.
    pub(super) async fn without_room(
        &self,
        refused: Refusal,
        asked: &mut Asked<'_>,
        journey: &mut Journey,
        claim: &mut Option<Claim<'_, Arc<Substation>>>,
    ) -> Result<Picked, Failure> {
        // Whoever came since it began has not been asked yet.
        let mut refused = refused;
        if self.shared.now().version != journey.by.version {
            journey.begin_anew(self.shared.snapshot());
            match self.admit(asked.charge, journey, claim.as_mut()) {
                Ok(picked) => return Ok(picked),
                Err(again) => refused = again,
            }
        }
        let may_wait =
            journey.by.config.admission.is_on() && journey.is_only_for_want_of_room(refused);
        let waited = if may_wait {
            self.stand_in_line(asked, journey, claim).await
        } else {
            Err(refused)
        };
        waited.map_err(|refused| self.refuse(asked.charge, refused, journey))
    }

    async fn stand_in_line(
        &self,
        asked: &mut Asked<'_>,
        journey: &mut Journey,
        claim: &mut Option<Claim<'_, Arc<Substation>>>,
    ) -> Result<Picked, Refusal> {
        let metrics = self.shared.metrics.requests();
        let rules = &journey.by.config.admission;
        let until = rules.until(asked.head, Instant::now(), asked.deadline);
        let Some(place) = self.shared.queue.join(until, rules.queue) else {
            metrics.waited(Waited::Full);
            return Err(Refusal::NoCapacity);
        };
        loop {
            if place.is_first() {
                // Whoever refused may have room by now, and others may have come.
                journey.begin_anew(self.shared.snapshot());
                journey.since = Instant::now();
                match self.pick(asked.charge, journey, claim.as_mut()) {
                    Ok(picked) => {
                        metrics.waited(Waited::Admitted);
                        return Ok(picked);
                    }
                    Err(Refusal::NoCapacity) => {}
                    Err(refused) => return Err(refused),
                }
            }
            let waited = asked.watchdog.guard(until, pin!(place.wait())).await;
            if waited != Ok(true) {
                metrics.waited(Waited::InVain);
                return Err(Refusal::NoCapacity);
            }
        }
    }

    /// What the client is told when there is nobody left to ask.
    pub(super) fn refuse(
        &self,
        charge: &Charge<'_>,
        refused: Refusal,
        journey: &mut Journey,
    ) -> Failure {
        self.with_hint(charge, retry::refusal(refused, journey), journey)
    }

    /// The same where only one may be asked, because it may have booked the key already.
    pub(super) fn refuse_of_holder(
        &self,
        charge: &Charge<'_>,
        name: &str,
        why: Unbooked,
        journey: &mut Journey,
    ) -> Failure {
        self.with_hint(
            charge,
            retry::refusal_of_holder(name, why, journey),
            journey,
        )
    }

    /// Where there is no room, says when there will be: by the substations' own word, or by the ends of the
    /// sessions that are known.
    fn with_hint(&self, charge: &Charge<'_>, mut failure: Failure, journey: &Journey) -> Failure {
        if failure.code == Code::NoCapacity {
            let known = self.shared.departures.room_in(charge.load, Instant::now());
            let room_in = journey.room_in.into_iter().chain(known).min();
            failure.retry_after = room_in.map(|room_in| {
                self.exchange
                    .random(|rng| departures::jittered(room_in, rng))
            });
        }
        failure
    }
}
