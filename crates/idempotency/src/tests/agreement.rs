//! A table that does not decide: it proposes, and follows.

use super::*;

fn follower() -> Rig {
    let rig = rig(10);
    rig.keys.decide(false);
    rig
}

#[test]
fn a_holder_counts_when_all_agree_and_one_number_stands_for_all_requests_until_it_leaves() {
    let rig = follower();
    let (mut one, mut two) = (rig.claim("k"), rig.claim("k"));
    assert_eq!(one.ask(&holder(1)), Asked::Propose(asker(1, 1)));
    assert_eq!(two.ask(&holder(2)), Asked::Propose(asker(1, 1)));
    assert!(!one.has_holder());
    assert_eq!(two.proposed_as(), Some(asker(1, 1)));
    assert_eq!(two.agree(holder(9)), holder(9));
    assert_eq!(two.proposed_as(), None, "it has heard");
    assert!(one.has_holder());
    assert_eq!(one.agree(holder(8)), holder(9), "the other was first");
    assert_eq!(one.release(), Release::Held);
    assert_eq!(two.release(), Release::Leave(asker(1, 1)));
    assert!(!one.has_holder());
    assert_eq!(one.ask(&holder(1)), Asked::Propose(asker(1, 2)));
}

#[test]
fn what_is_known_here_goes_before_what_is_heard_later() {
    let rig = follower();
    let (mut one, mut two) = (rig.claim("k"), rig.claim("k"));
    let _ = (one.ask(&holder(1)), two.ask(&holder(1)));
    assert_eq!(one.agree(holder(1)), holder(1));
    one.bind();
    assert_eq!(two.agree(holder(2)), holder(1), "a store has lost it");
}

#[test]
fn a_proposal_of_which_nothing_came_leaves_the_key_open() {
    let rig = follower();
    let mut claim = rig.claim("k");
    let proposed = claim.ask(&holder(1));
    claim.withdraw();
    assert!(!claim.has_holder());
    assert_eq!(claim.ask(&holder(2)), proposed, "the same asker again");
    drop(claim);
    assert_eq!(rig.keys.count(), 0, "a client that leaves has asked nobody");
}

#[test]
fn no_number_leaves_while_a_proposal_under_it_is_on_its_way() {
    let rig = follower();
    let (mut one, mut two) = (rig.claim("k"), rig.claim("k"));
    let _ = (one.ask(&holder(1)), two.ask(&holder(2)));
    one.agree(holder(1));
    assert_eq!(one.release(), Release::Held);
    two.withdraw();
    assert!(!two.has_holder());
    assert_eq!(two.proposed_as(), None);
    assert_eq!(one.ask(&holder(1)), Asked::Propose(asker(1, 1)));
    one.agree(holder(1));
    assert_eq!(one.release(), Release::Leave(asker(1, 1)));
}

#[test]
fn another_process_claims_and_frees_a_key_like_a_request_here() {
    let rig = rig(10);
    let claim = |number, candidate| {
        let keyed = (hash("k"), CHARGE);
        let (at, limits) = (rig.start, &rig.limits);
        rig.keys
            .claim_for(keyed, asker(2, number), &holder(candidate), at, limits)
    };
    let release = |number| rig.keys.release_for(hash("k"), asker(2, number));
    let holds = |number| Some(Claimed::Holder(HolderId::clone(&holder(number))));
    assert_eq!(release(1), Some(Released::Free));
    assert_eq!(claim(1, 1), holds(1));
    assert_eq!(claim(1, 1), holds(1), "a repetition changes nothing");
    assert_eq!(claim(2, 2), holds(1));
    let mut own = rig.claim("k");
    assert_eq!(own.asked_holder(), Some(holder(1)));
    assert_eq!(own.release(), Release::Held);
    assert_eq!(release(1), Some(Released::Held));
    assert_eq!(own.asked_holder(), Some(holder(1)));
    assert_eq!(release(2), Some(Released::Held), "it is asked here");
    assert_eq!(own.release(), Release::Free);
    assert_eq!(release(2), Some(Released::Free));
    drop(own);
    assert_eq!(rig.keys.count(), 0);
}

#[test]
fn another_process_is_told_of_a_booking_and_of_another_charge() {
    let rig = rig(10);
    rig.book_at("k", Duration::ZERO);
    let claim = |fingerprint| {
        let keyed = (hash("k"), fingerprint);
        let (at, limits) = (rig.start, &rig.limits);
        rig.keys
            .claim_for(keyed, asker(2, 1), &holder(2), at, limits)
    };
    let held = Claimed::Holder(HolderId::clone(&holder(1)));
    assert_eq!(claim(CHARGE), Some(held));
    assert_eq!(claim(Fingerprint(12)), Some(Claimed::Reused));
    let released = rig.keys.release_for(hash("k"), asker(2, 1));
    assert_eq!(released, Some(Released::Held));
    rig.keys.decide(false);
    assert_eq!(claim(CHARGE), None);
    assert_eq!(rig.keys.release_for(hash("k"), asker(2, 1)), None);
}

#[test]
fn a_key_with_many_askers_stays_with_its_holder() {
    let rig = rig(10);
    let keyed = (hash("k"), CHARGE);
    for number in 1..=17 {
        let (at, limits) = (rig.start, &rig.limits);
        rig.keys
            .claim_for(keyed, asker(2, number), &holder(1), at, limits);
    }
    for number in 1..=17 {
        let released = rig.keys.release_for(hash("k"), asker(2, number));
        assert_eq!(released, Some(Released::Held));
    }
    assert_eq!(rig.holder("k"), Some(holder(1)));
}

#[test]
fn a_key_that_others_gave_up_goes_where_the_next_of_them_says() {
    let rig = rig(10);
    let claim = |number, candidate| {
        let keyed = (hash("k"), CHARGE);
        let (at, limits) = (rig.start, &rig.limits);
        rig.keys
            .claim_for(keyed, asker(2, number), &holder(candidate), at, limits)
    };
    let holds = |number| Some(Claimed::Holder(HolderId::clone(&holder(number))));
    let _waits = rig.claim("k");
    assert_eq!(claim(1, 1), holds(1));
    let released = rig.keys.release_for(hash("k"), asker(2, 1));
    assert_eq!(released, Some(Released::Free));
    assert_eq!(claim(2, 2), holds(2));
}
