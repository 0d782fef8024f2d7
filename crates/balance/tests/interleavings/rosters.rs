//! What choices remember, and what has changed meanwhile.

use std::{sync::Arc, time::Duration};

use shuttle::{
    rand::{RngCore, thread_rng},
    thread,
};
use switchyard_balance::{Forecast, Ledger, Reservation, Roster};

use super::{SCHEDULES, load, reserve, sample};

#[test]
fn an_upstream_whose_load_falls_during_a_search_is_found_by_the_next() {
    shuttle::check_random(
        || {
            // Two groups, or three nodes of a tree. The second has the emptiest at first, so no search needs to look into the
            // first, until an upstream there is the emptiest.
            let members = (0..9).map(|at| {
                let ledger = Ledger::new(Some(load(100)));
                sample(&ledger, [1, 50, 50, 50, 50, 50, 50, 50, 10][at]);
                Arc::new(ledger)
            });
            let members: Vec<_> = members.collect();
            let held = Reservation::of(Arc::clone(&members[0]), load(49));
            let flat = Roster::new(members.iter().cloned());
            let is_flat = thread_rng().next_u64().is_multiple_of(2);
            let roster = Arc::new(if is_flat { flat } else { flat.for_masks() });
            let searching = (0..2).map(|_| {
                let roster = Arc::clone(&roster);
                thread::spawn(move || {
                    for _ in 0..2 {
                        reserve(&roster, 1).unwrap().1.booked();
                    }
                })
            });
            let searching: Vec<_> = searching.collect();
            held.cancel();
            for thread in searching {
                thread.join().unwrap();
            }
            let lowest = roster.iter().map(|one| one.estimate()).min().unwrap();
            let (chosen, _held) = reserve(&roster, 1).unwrap();
            let before = roster[chosen].estimate().micros() - load(1).micros();
            assert_eq!(before, lowest.micros(), "{chosen} was not the emptiest");
        },
        SCHEDULES / 4,
    );
}

#[test]
fn a_booking_after_a_quiet_hour_is_in_the_forecast_whatever_clears_the_ring() {
    shuttle::check_random(
        || {
            // The ring has been round once since its last second, so all of its places are cleared.
            let now = Duration::from_secs(5_000);
            let forecast = Arc::new(Forecast::default());
            let clearing = {
                let forecast = Arc::clone(&forecast);
                thread::spawn(move || forecast.is_any_to_end(now))
            };
            forecast.booked(load(3), Duration::from_secs(60), now);
            clearing.join().unwrap();
            assert!(forecast.is_any_to_end(now), "the booking is lost");
        },
        // Each clears four thousand places.
        20,
    );
}
