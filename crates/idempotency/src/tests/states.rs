//! A key is claimed, asked for, bound or free again, forgotten.

use super::*;

#[test]
fn a_key_belongs_to_the_substation_that_may_have_booked_and_is_free_otherwise() {
    let rig = rig(10);
    let mut first = rig.claim("k");
    assert_eq!(first.asked_holder(), None);
    assert_eq!(first.ask(&holder(3)), Asked::Yes);
    assert_eq!(first.release(), Release::Free, "a refusal leaves nothing");
    assert_eq!(first.ask(&holder(4)), Asked::Yes);
    first.bind();
    drop(first);
    let mut again = rig.claim("k");
    assert_eq!(again.asked_holder(), Some(holder(4)));
    assert_eq!(again.release(), Release::Held, "it may have booked before");
    assert_eq!(rig.holder("other"), None);
}

#[test]
fn of_two_requests_at_once_the_second_follows_the_first() {
    let rig = rig(10);
    let (mut one, mut two) = (rig.claim("k"), rig.claim("k"));
    assert_eq!(one.ask(&holder(1)), Asked::Yes);
    assert_eq!(two.ask(&holder(2)), Asked::Other, "the first holds the key");
    assert_eq!(two.ask(&holder(1)), Asked::Yes, "the holder itself");
    let held = "the first still waits for an answer there";
    assert_eq!(two.release(), Release::Held, "{held}");
    assert_eq!(one.release(), Release::Free);
    assert_eq!(two.ask(&holder(2)), Asked::Yes);
}

#[test]
fn a_request_that_vanishes_while_it_asks_counts_as_booked() {
    let rig = rig(10);
    let mut claim = rig.claim("k");
    assert_eq!(claim.ask(&holder(1)), Asked::Yes);
    drop(claim);
    assert_eq!(rig.holder("k"), Some(holder(1)));
}

#[test]
fn a_key_that_comes_with_another_charge_is_refused_in_flight_and_later() {
    let rig = rig(10);
    let other = Keyed {
        hash: hash("k"),
        fingerprint: Fingerprint(12),
        client: 0,
    };
    let again = || rig.keys.claim(other, rig.start, &rig.limits);
    let mut first = rig.claim("k");
    assert_eq!(again().unwrap_err(), Reused, "before a substation is asked");
    assert_eq!(first.ask(&holder(1)), Asked::Yes);
    assert_eq!(again().unwrap_err(), Reused, "while it is asked");
    drop(first);
    assert_eq!(again().unwrap_err(), Reused, "afterwards");
    drop(rig.claim("free"));
    let free = Keyed {
        hash: hash("free"),
        ..other
    };
    assert!(rig.keys.claim(free, rig.start, &rig.limits).is_ok());
    assert_eq!(rig.keys.count(), 1);
}

#[test]
fn a_key_in_use_outlives_its_time() {
    let rig = rig(1);
    let mut claim = rig.claim("k");
    assert_eq!(claim.ask(&holder(7)), Asked::Yes);
    claim.bind();
    assert_eq!(claim.asked_holder(), Some(holder(7)));
    for key in 0..1_000 {
        drop(rig.claim_at(&key.to_string(), 2 * KEPT));
    }
    assert_eq!(rig.holder_at("k", 2 * KEPT), Some(holder(7)));
}

#[test]
fn a_holder_that_may_have_booked_before_is_the_only_one_whatever_comes() {
    let rig = rig(10);
    let mut claim = rig.claim("k");
    assert_eq!(claim.ask(&holder(1)), Asked::Yes);
    claim.pin();
    assert_eq!(claim.release(), Release::Held);
    drop(claim);
    assert_eq!(rig.holder("k"), Some(holder(1)));
    assert_eq!(rig.holder_at("k", KEPT), None);
}

#[test]
fn a_claim_says_which_key_and_which_charge_it_is_of() {
    let rig = rig(10);
    let claim = rig.claim("k");
    assert_eq!((claim.hash(), claim.fingerprint()), (hash("k"), CHARGE));
    assert_eq!(claim.number(), hash("k").number());
}

#[test]
fn a_key_is_in_doubt_once_its_holder_may_have_booked_and_until_it_says_so() {
    let rig = rig(10);
    let mut one = rig.claim("k");
    assert!(!one.is_in_doubt());
    assert_eq!(one.ask(&holder(1)), Asked::Yes);
    assert!(!one.is_in_doubt(), "its answer is still to come");
    one.bind();
    assert!(one.is_in_doubt());
    let mut two = rig.claim("k");
    assert_eq!(two.asked_holder(), Some(holder(1)));
    two.book();
    assert!(!one.is_in_doubt());
    assert_eq!(one.asked_holder(), Some(holder(1)));
    one.bind();
    assert!(!one.is_in_doubt(), "what is known stays known");
}
