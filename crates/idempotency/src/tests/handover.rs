//! What a table leaves to another.

use super::*;
use crate::CarriedKeys;

fn successor(of: &Rig) -> Rig {
    Rig {
        keys: Keys::new(2, of.start),
        limits: of.limits,
        start: of.start,
    }
}

fn hand_over(old: &Rig, after: Duration) -> Rig {
    let new = successor(old);
    let carried = old.keys.hand_over(old.start + after);
    new.keys.restore(carried, Duration::ZERO, old.start + after);
    new
}

#[test]
fn bookings_are_known_to_the_next_process_for_the_rest_of_their_time() {
    let old = rig(10);
    for key in 0..100 {
        old.book_at(&key.to_string(), KEPT * key / 100);
    }
    let new = hand_over(&old, KEPT);
    assert_eq!(new.keys.count(), 99, "one was over");
    let left = |after| {
        new.keys.expire(new.start + after, &new.limits);
        new.keys.count()
    };
    assert_eq!(left(KEPT * 3 / 2), 49);
    assert_eq!(new.holder_at("99", KEPT * 3 / 2), Some(holder(1)));
    assert_eq!(left(2 * KEPT), 0);
}

#[test]
fn the_time_that_a_file_lay_counts() {
    let old = rig(10);
    old.book_at("k", Duration::ZERO);
    let carried = old.keys.carry(old.start);
    let new = successor(&old);
    new.keys
        .restore(carried, Duration::from_secs(59), new.start);
    assert_eq!(new.holder("k"), Some(holder(1)));
    assert_eq!(new.holder_at("k", Duration::from_secs(1)), None);
}

#[test]
fn after_a_handover_the_old_process_asks_the_new_one() {
    let old = rig(10);
    let mut in_flight = old.claim("k");
    assert_eq!(in_flight.ask(&holder(1)), Asked::Yes);
    let new = hand_over(&old, Duration::ZERO);
    assert_eq!(new.holder("k"), Some(holder(1)));
    let leaves = in_flight.release();
    let Release::Leave(asker) = leaves else {
        panic!("{leaves:?}");
    };
    let released = new.keys.release_for(hash("k"), asker);
    assert_eq!(released, Some(Released::Free));
    assert_eq!(new.holder("k"), None);
    assert!(matches!(in_flight.ask(&holder(2)), Asked::Propose(_)));
}

#[test]
fn a_request_in_flight_that_books_in_the_old_process_stays_with_its_holder_in_the_new_one() {
    let old = rig(10);
    let mut in_flight = old.claim("k");
    assert_eq!(in_flight.ask(&holder(1)), Asked::Yes);
    let new = hand_over(&old, Duration::ZERO);
    in_flight.bind();
    let almost = Duration::from_millis(59_900);
    assert_eq!(new.holder_at("k", almost), Some(holder(1)));
    assert_eq!(new.holder_at("k", KEPT), None);
}

#[test]
fn a_chain_of_handovers_passes_on_who_asks_where() {
    let first = rig(10);
    let mut in_flight = first.claim("k");
    assert_eq!(in_flight.ask(&holder(1)), Asked::Yes);
    let second = hand_over(&first, Duration::ZERO);
    let mut own = second.claim("k");
    assert_eq!(own.asked_holder(), Some(holder(1)));
    let third = hand_over(&second, Duration::ZERO);
    let (one, two) = (in_flight.release(), own.release());
    let (Release::Leave(one), Release::Leave(two)) = (one, two) else {
        panic!("{one:?} {two:?}");
    };
    assert_eq!(second.keys.release_for(hash("k"), one), None);
    let released = |asker| third.keys.release_for(hash("k"), asker);
    assert_eq!(released(one), Some(Released::Held));
    assert_eq!(released(two), Some(Released::Free));
    assert!(!own.has_holder(), "what others ask is for them to say");
}

#[test]
fn with_a_store_on_both_sides_only_bookings_are_carried() {
    let old = rig(10);
    old.keys.decide(false);
    old.book_with_store("booked");
    let mut in_flight = old.claim("k");
    assert!(matches!(in_flight.ask(&holder(1)), Asked::Propose(_)));
    in_flight.agree(holder(1));
    let carried = old.keys.hand_over(old.start);
    for decides in [false, true] {
        let new = successor(&old);
        new.keys.decide(decides);
        new.keys.restore(carried.clone(), Duration::ZERO, old.start);
        assert_eq!(new.holder("booked"), Some(holder(1)));
        assert_eq!(new.holder("k").is_some(), decides, "the store knows it");
    }
}

#[test]
fn a_handover_that_fails_changes_nothing() {
    let first = rig(10);
    let mut in_flight = first.claim("k");
    assert_eq!(in_flight.ask(&holder(1)), Asked::Yes);
    let second = hand_over(&first, Duration::ZERO);
    drop(second.keys.hand_over(second.start));
    assert_eq!(second.holder("k"), None);
    second.keys.decide(true);
    assert_eq!(second.holder("k"), Some(holder(1)));
}

#[test]
fn many_keys_are_carried_whole_and_small() {
    const MANY: usize = 20_000;
    let old = rig(MANY);
    for key in 0..MANY {
        old.book_at(&key.to_string(), Duration::ZERO);
    }
    let carried = old.keys.hand_over(old.start);
    let bytes = postcard::to_allocvec(&carried).unwrap();
    assert!(bytes.len() < 32 * MANY, "{}", bytes.len());
    let read: CarriedKeys = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, carried);
    let new = successor(&old);
    new.keys.restore(read, Duration::ZERO, new.start);
    assert_eq!(new.keys.count(), MANY);
    assert_eq!(new.holder("77"), Some(holder(1)));
}

#[test]
fn what_is_carried_is_counted_whether_it_is_bound_or_asked_for() {
    let old = rig(10);
    let carried = || old.keys.carry(old.start);
    let (idle, _other) = (old.claim("idle"), old.claim("other"));
    assert_eq!((carried().len(), carried().is_empty()), (0, true));
    let mut asking = old.claim("asked");
    assert_eq!(asking.ask(&holder(1)), Asked::Yes);
    old.book_at("booked", Duration::ZERO);
    old.book_at("too", Duration::ZERO);
    let carried = old.keys.hand_over(old.start);
    assert_eq!((carried.len(), carried.is_empty()), (3, false));
    drop(idle);
}

#[test]
fn an_attempt_that_is_over_holds_no_key_in_the_next_process() {
    let old = rig(10);
    let other = asker(9, 1);
    let keyed = (hash("k"), CHARGE);
    let mut own = old.claim("k");
    assert_eq!(own.ask(&holder(1)), Asked::Yes);
    // A handover that failed has given the attempt its number.
    drop(old.keys.hand_over(old.start));
    old.keys.decide(true);
    let claimed = old
        .keys
        .claim_for(keyed, other, &holder(1), old.start, &old.limits);
    assert!(matches!(claimed, Some(Claimed::Holder(_))));
    assert_eq!(own.release(), Release::Held, "the other asks it still");
    let new = hand_over(&old, Duration::ZERO);
    let released = new.keys.release_for(hash("k"), other);
    assert_eq!(released, Some(Released::Free));
}
