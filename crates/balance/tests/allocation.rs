//! A decision allocates nothing: neither a choice, nor a refusal, nor the end of a reservation.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::sync::Arc;

use fastrand::Rng;
use switchyard_balance::{Ledger, Load, Policy, Reading, Request, Roster, Selector};

#[test]
fn no_policy_allocates_to_choose_reserve_or_end() {
    let load = Load::new(11.0).unwrap();
    let capacity = Load::new(1_000.0);
    let grid = || {
        Roster::new((0..100).map(|_| {
            let ledger = Ledger::new(capacity);
            ledger.sample(ledger.scrape_sent(), Reading { load, capacity });
            Arc::new(ledger)
        }))
    };
    for policy in [
        Policy::LeastLoad,
        Policy::PowerOfTwo,
        Policy::RoundRobin,
        Policy::Random,
    ] {
        let upstreams = grid();
        let selector = Selector::new(policy);
        let mut rng = Rng::with_seed(1);
        let mut refused = 0;
        let counted = allocation_counter::measure(|| {
            // More than fits: the last ones are refused because no upstream has room.
            for request in 0..20_000 {
                match selector.reserve(&upstreams, Request::of(load).without(&[3, 7]), &mut rng) {
                    Ok(choice) if request % 3 == 0 => choice.reservation.cancel(),
                    Ok(choice) => choice.reservation.booked(),
                    Err(_) => refused += 1,
                }
            }
        });
        assert_eq!(counted.count_total, 0, "{}", policy.name());
        assert!(refused > 0, "some were refused");
    }
    let control = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(control.count_total, 1, "the counter counts");
}
