//! A request that finds no capacity: it waits in the queue where one is configured, and otherwise gets a refusal that
//! says when there will be room.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use switchyard_balance::Refusal;
use switchyard_grid::Substation;
use switchyard_idempotency::{Asked, Claim};
use switchyard_wire::Failure;
use tokio::time::Instant;

use super::{
    Dispatcher,
    capacity_forecast::{CapacityForecast, Client},
    charge::Charge,
    needs::Ask,
    no_room::{left, too_large},
    operation::Operation,
    queue::{self, Granted, Place, Wish, Woken},
    retry::{RetryState, SafeToRetry, Turn},
    route::SendContext,
    select::Selected,
};
use crate::{
    client_watch::ClientWatch, deadline_timer::DeadlineTimer, metrics::Waited, snapshot::Snapshot,
};

/// Why a request that waited was not admitted.
enum Denied {
    /// There is no room, or no substation.
    Refused(Refusal),
    /// Its client has left.
    Left,
}

const NO_ROOM: Denied = Denied::Refused(Refusal::NoCapacity);

/// How standing in the queue ended.
enum Ended {
    /// Room was found.
    Granted(Granted),
    /// There may be room, or none is needed any more.
    Called,
    /// Its time ran out.
    InVain,
    /// The client left.
    Left,
}

impl Dispatcher {
    /// The substation to ask next, if this request need not wait for one.
    pub(super) fn admit(
        &self,
        operation: &mut Operation<'_>,
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        // Requests in the queue come first.
        let may_wait = state.snapshot.config.admission.queue > 0;
        if may_wait
            && self.state.queue.length() > 0
            && let Operation::Charge { charge, claim, .. } = operation
            && !charge.needs_no_room()
            && claim.as_ref().is_none_or(|claim| !claim.has_holder())
            && !self.has_place(charge, claim.as_ref().map(Claim::number))
        {
            return Err(Refusal::NoCapacity);
        }
        self.select(operation, state)
    }

    /// Whether a charge may take room: nothing is promised, or its own place is due, or enough is left for all that
    /// were promised a place. `key` stands for its `Idempotency-Key`.
    pub(super) fn may_enter(
        &self,
        charge: &Charge<'_>,
        key: Option<u64>,
        state: &RetryState,
    ) -> bool {
        let is_free = self.state.forecast.is_free() || charge.needs_no_room();
        if is_free || state.attempts > 0 || state.turn() == Turn::Has {
            return true;
        }
        let client = Self::client(charge, key);
        let enters = self.may_take(client, &charge.ask(key), &state.snapshot, Instant::now());
        state.set_turn(if enters { Turn::Has } else { Turn::Held });
        enters
    }

    /// Whether this client may take room: see [`Dispatcher::may_enter`].
    pub(super) fn may_take(
        &self,
        client: Client,
        ask: &Ask<'_>,
        snapshot: &Snapshot,
        now: Instant,
    ) -> bool {
        let forecast = &self.state.forecast;
        let roster = snapshot.grid.roster();
        let count = || ask.with(&[], |request| roster.room_for(&request));
        forecast.is_free() || forecast.enter(client, (ask.load, ask.kind()), now, count)
    }

    /// Whether a charge was promised room for now: it does not stand in the queue then.
    fn has_place(&self, charge: &Charge<'_>, key: Option<u64>) -> bool {
        let forecast = &self.state.forecast;
        !forecast.is_free()
            && forecast.is_due(Self::client(charge, key), charge.load, Instant::now())
    }

    /// The client of a charge, as far as it can be told from others.
    pub(super) fn client(charge: &Charge<'_>, key: Option<u64>) -> Client {
        let by_key = |number| Client {
            number,
            is_named: true,
        };
        let by_body = || CapacityForecast::client(charge.body, charge.is_named);
        key.map_or_else(by_body, by_key)
    }

    /// Handles a request that was not admitted: it waits for room, or is refused.
    pub(super) async fn without_room(
        &self,
        refused: Refusal,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Failure> {
        // Substations added since the request began have not been asked yet.
        let mut refused = refused;
        if self.runtime.now().version != context.state.snapshot.version {
            context.state.restart_with(self.runtime.snapshot());
            match self.admit(operation, &context.state) {
                Ok(selected) => return Ok(selected),
                Err(again) => refused = again,
            }
        }
        if operation.not_sent().is_some() {
            return Err(self.no_room(operation, Refusal::NoUpstream, context));
        }
        if let Some(failure) = too_large(operation, refused, &context.state) {
            return Err(failure);
        }
        let state = &context.state;
        let may_wait = state.snapshot.config.admission.queue > 0 && state.lacks_only_room(refused);
        let waited = if may_wait {
            self.wait_in_queue(operation, context, None).await
        } else {
            Err(Denied::Refused(refused))
        };
        waited.map_err(|denied| match denied {
            Denied::Refused(refused) => self.no_room(operation, refused, context),
            Denied::Left => left(),
        })
    }

    /// Handles a request that was refused by the substation that holds its key, and so is the only one to ask: it waits
    /// for that substation, or is refused. `has_retry` says whether it may be sent again.
    pub(super) async fn without_room_at_holder(
        &self,
        operation: &mut Operation<'_>,
        (holder, why, has_retry): (&Arc<Substation>, SafeToRetry, bool),
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Failure> {
        let is_full = why == SafeToRetry::Refused;
        if is_full && let Some(failure) = too_large(operation, Refusal::NoCapacity, &context.state)
        {
            return Err(failure);
        }
        let may_wait = context.state.snapshot.config.admission.queue > 0;
        if is_full && may_wait && has_retry && context.state.broken.is_none() {
            match self.wait_in_queue(operation, context, Some(holder)).await {
                Ok(selected) => return Ok(selected),
                Err(Denied::Left) => return Err(left()),
                Err(Denied::Refused(_)) => {}
            }
        }
        let name = holder.public_name();
        Err(self.no_room_at_holder(operation, name.as_str(), why, context))
    }

    /// Waits for room: anywhere, or at the `holder` of the request's key.
    async fn wait_in_queue(
        &self,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
        holder: Option<&Arc<Substation>>,
    ) -> Result<Selected, Denied> {
        let snapshot = Arc::clone(&context.state.snapshot);
        let mut now = Instant::now();
        let began = now;
        // Called once where it waited, however often it was called meanwhile.
        let waited = |context: &mut SendContext<'_>, how| {
            self.runtime.metrics.requests.waited(how);
            if let Some(trail) = &mut context.trail {
                trail.waited(began, how);
            }
        };
        loop {
            let Some(wish) = self.wish(operation, holder, context, now) else {
                return Err(NO_ROOM);
            };
            let most = snapshot.config.admission.queue;
            let place = self.join_queue(&wish, most, now).map_err(|why| {
                waited(context, why);
                NO_ROOM
            })?;
            let (watch, timer) = (&mut context.watch, &mut context.timer);
            match self.stand(&place, wish.until, watch, timer).await {
                Ended::Granted(granted) => {
                    let holder = granted.selected.substation.holder_id();
                    let asked = operation.claim().map(|claim| claim.ask(holder));
                    if !matches!(asked, Some(Asked::Other)) {
                        // Where others have to agree, those are called when they have.
                        if let (Some(Asked::Yes), Some(key)) = (asked, wish.key) {
                            self.state.queue.call(key);
                        }
                        context.state.restart_with(granted.snapshot);
                        context.state.since = Instant::now();
                        waited(context, Waited::Admitted);
                        return Ok(granted.selected);
                    }
                    // Another request with the same key has been sent meanwhile.
                    granted.cancel();
                }
                Ended::Called => {}
                Ended::InVain => {
                    let was_held = place.slot.was_held.load(Relaxed);
                    let turn = if was_held { Turn::Held } else { Turn::Unasked };
                    context.state.set_turn(turn);
                    waited(context, Waited::InVain);
                    return Err(NO_ROOM);
                }
                Ended::Left => {
                    waited(context, Waited::Left);
                    return Err(Denied::Left);
                }
            }
            drop(place);
            now = Instant::now();
            context.state.restart_with(self.runtime.snapshot());
            context.state.since = now;
            operation.follow(&context.state.snapshot);
            let denied = |context: &mut SendContext<'_>, refused| {
                if let Some(trail) = &mut context.trail {
                    trail.waited(began, Waited::InVain);
                }
                Err(Denied::Refused(refused))
            };
            if operation.not_sent().is_some() {
                return denied(context, Refusal::NoUpstream);
            }
            let is_held = operation.claim().is_some_and(|claim| claim.has_holder());
            if is_held || holder.is_some() {
                match self.select(operation, &context.state) {
                    Ok(selected) => {
                        waited(context, Waited::Admitted);
                        return Ok(selected);
                    }
                    Err(Refusal::NoCapacity) => {}
                    Err(refused) => return denied(context, refused),
                }
            }
        }
    }

    /// What a request waits for, and how long. None if waiting can't help: no substation could bear its load.
    fn wish<'h>(
        &self,
        operation: &Operation<'_>,
        holder: Option<&'h Arc<Substation>>,
        context: &mut SendContext<'_>,
        now: Instant,
    ) -> Option<Wish<'h>> {
        let Operation::Charge { charge, claim, .. } = operation else {
            return None;
        };
        let snapshot = &context.state.snapshot;
        let key = claim.as_ref().map(Claim::number);
        let (ask, roster) = (charge.ask(key), snapshot.grid.roster());
        if !ask.with(&[], |request| roster.could_bear(&request)) {
            return None;
        }
        let config = &snapshot.config;
        let usual = self.state.exchange_time.usual(config.timeouts.request);
        let (head, deadline) = (context.head, context.deadline);
        let until = || queue::until(&config.admission, head, now, deadline, usual);
        Some(Wish {
            client: Self::client(charge, key),
            load: charge.load,
            selection: charge.needs.selection.clone(),
            version: snapshot.version,
            key,
            holder,
            arrived: context.arrived,
            is_traced: charge.is_traced,
            until: *context.until.get_or_insert_with(until),
        })
    }

    /// A place in the queue, or why there is none. Who finds the queue full, or has no time to wait, may still fit before
    /// all who wait.
    fn join_queue(&self, wish: &Wish<'_>, most: usize, now: Instant) -> Result<Place<'_>, Waited> {
        let queue = &self.state.queue;
        let is_full = queue.length() >= most;
        let can_wait = !is_full && wish.until > now;
        let may_fit = wish.holder.is_none() && queue.may_fit(wish, now);
        let place = (can_wait || may_fit).then(|| queue.join(wish, now));
        if may_fit {
            self.serve_queue(now);
        }
        let place = place.filter(|place| can_wait || place.is_called());
        place.ok_or(if is_full {
            Waited::Full
        } else {
            Waited::InVain
        })
    }

    /// Stands in the queue until something ends that. Whoever is to look for room looks for the room of all.
    async fn stand(
        &self,
        place: &Place<'_>,
        until: Instant,
        watch: &mut ClientWatch<'_>,
        timer: &mut DeadlineTimer,
    ) -> Ended {
        let standing = pin!(async {
            loop {
                tokio::select! {
                    biased;
                    () = watch.left() => return Ended::Left,
                    woken = place.woken() => match woken {
                        Woken::Poll => self.serve_queue(Instant::now()),
                        Woken::Granted(granted) => return Ended::Granted(granted),
                        Woken::Called => return Ended::Called,
                    }
                }
            }
        });
        let ended = timer.guard(until, standing).await;
        ended.unwrap_or(Ended::InVain)
    }
}
