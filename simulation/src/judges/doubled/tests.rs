use std::time::Duration;

use crate::world::{
    event::Ending,
    plan::{Fault, Machine},
};

use super::{super::rig::Day, sign};

/// Two bookings of one charge at two substations, the second through another proxy, or through the first again.
fn twice(day: &mut Day, second: usize) -> &mut Day {
    day.ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .lost("c0-0.0");
    day.wait(1_000);
    day.ask("c0-0.1", second)
        .book("c0-0.1", 1, "s1-1")
        .told("c0-0.1", "s1-1")
}

#[test]
fn without_a_key_a_sending_books_once() {
    let mut day = Day::new();
    day.ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .book("c0-0.0", 1, "s1-1");
    day.fails("doubled", "has no key");
    let mut day = Day::new();
    day.ask("c0-0.0", 0).told("c0-0.0", "503");
    day.ask("c0-0.1", 0)
        .book("c0-0.1", 1, "s1-1")
        .told("c0-0.1", "s1-1");
    day.passes();
}

#[test]
fn one_proxy_never_books_a_key_twice() {
    let mut day = Day::new();
    twice(day.keyed(), 0);
    day.fails("doubled", "one and the same proxy");
}

#[test]
fn another_proxy_may_without_a_store_and_must_not_with_one() {
    let mut day = Day::new();
    twice(day.keyed(), 1);
    day.passes();
    let mut day = Day::new();
    twice(day.with_store(true).keyed(), 1);
    day.fails("doubled", "share a store");
}

#[test]
fn nor_may_one_to_which_the_client_names_the_holder() {
    let mut day = Day::new();
    day.keyed()
        .ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .told("c0-0.0", "504?");
    day.holder(&sign("s0"))
        .ask("c0-0.1", 1)
        .book("c0-0.1", 1, "s1-1");
    day.fails("doubled", "possible holder");
    let mut day = Day::new();
    day.keyed()
        .ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .told("c0-0.0", "504?");
    day.fault(0, Fault::NothingListed);
    day.holder(&sign("s0"))
        .ask("c0-0.1", 1)
        .book("c0-0.1", 1, "s1-1");
    day.passes();
}

#[test]
fn what_a_substation_has_forgotten_is_booked_anew() {
    let mut day = Day::new();
    day.keyed()
        .ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .lost("c0-0.0");
    day.die(0);
    day.ask("c0-0.1", 0)
        .book("c0-0.1", 1, "s1-1")
        .told("c0-0.1", "s1-1");
    day.passes();
    let mut day = Day::new();
    day.with_journals()
        .keyed()
        .ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .lost("c0-0.0");
    day.die(0);
    day.ask("c0-0.1", 0).book("c0-0.1", 1, "s1-1");
    day.fails("doubled", "one and the same proxy");
}

#[test]
fn a_substation_that_books_a_key_twice_is_found() {
    let mut day = Day::new();
    day.keyed()
        .ask("c0-0.0", 0)
        .book("c0-0.0", 0, "s0-1")
        .lost("c0-0.0");
    day.ask("c0-0.1", 0).book("c0-0.1", 0, "s0-2");
    day.fails("doubled", "s0 books the key");
}

#[test]
fn a_request_that_waits_for_a_process_to_start_is_taken_by_that_one() {
    let mut day = Day::new();
    day.keyed().ask("c0-0.0", 0).sent("c0-0.0");
    day.wait(10).ended(0, 0, Ending::Killed).lost("c0-0.0");
    day.ask("c0-0.1", 0).wait(10).started(0, 1, false);
    day.sent("c0-0.1")
        .book("c0-0.1", 1, "s1-1")
        .told("c0-0.1", "s1-1");
    // What the killed one had sent arrives late.
    day.wait(1_000).book("c0-0.0", 0, "s0-1");
    day.passes();
}

#[test]
fn a_proxy_that_was_killed_knows_no_more_and_one_that_was_upgraded_knows_all() {
    let begins = |day: &mut Day| {
        day.keyed()
            .ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .lost("c0-0.0");
    };
    let ends = |day: &mut Day| {
        day.ask("c0-0.1", 0).book("c0-0.1", 1, "s1-1");
    };
    let mut day = Day::new();
    begins(&mut day);
    day.ended(0, 0, Ending::Killed).started(0, 1, false);
    ends(&mut day);
    day.passes();
    let mut day = Day::new();
    begins(&mut day);
    day.started(0, 1, true).ended(0, 0, Ending::Clean);
    ends(&mut day);
    day.fails("doubled", "one and the same proxy");
}

#[test]
fn a_state_file_has_all_after_a_stop_and_all_but_the_last_moments_after_a_death() {
    let restarted = |how: Ending, after: u64| {
        let mut day = Day::new();
        day.with_files()
            .keyed()
            .ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .lost("c0-0.0");
        day.wait(after)
            .stop(0, 0)
            .ended(0, 0, how)
            .started(0, 1, false);
        day.ask("c0-0.1", 0).book("c0-0.1", 1, "s1-1");
        day
    };
    restarted(Ending::Clean, 10).fails("doubled", "one and the same proxy");
    restarted(Ending::Killed, 10).passes();
    restarted(Ending::Killed, 10_000).fails("doubled", "one and the same proxy");
}

#[test]
fn a_claim_that_the_store_lost_is_forgiven_to_other_proxies_only() {
    let lossy = |second: usize, loses: u64| {
        let mut day = Day::new();
        day.with_store(true)
            .keyed()
            .ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1");
        day.lost("c0-0.0").wait(1_000);
        let loses = Duration::from_millis(loses);
        day.fault(0, Fault::StoreDies { loses }).wait(100).mended(0);
        day.ask("c0-0.1", second).book("c0-0.1", 1, "s1-1");
        day
    };
    lossy(1, 2_000).passes();
    lossy(0, 2_000).fails("doubled", "one and the same proxy");
    lossy(1, 0).fails("doubled", "share a store");
}

#[test]
fn proxies_that_go_on_without_their_store_may_double_while_it_is_away() {
    let cut = Fault::Cut {
        from: Machine::Proxy(1),
        to: Machine::Store,
    };
    for refuses in [false, true] {
        let mut day = Day::new();
        day.with_store(refuses)
            .keyed()
            .ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1");
        day.lost("c0-0.0").wait(5_000).fault(0, cut.clone());
        day.ask("c0-0.1", 1).book("c0-0.1", 1, "s1-1");
        if refuses {
            day.fails("doubled", "share a store");
        } else {
            day.passes();
        }
    }
}

#[test]
fn a_repetition_is_no_other_charge() {
    let mut day = Day::new();
    day.keyed()
        .ask("c0-0.0", 0)
        .told("c0-0.0", "422 idempotency_key_reused");
    day.fails("doubled", "belongs to another");
}
