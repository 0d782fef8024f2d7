//! Requests of several processes, in every order that a seed can bring about, with a store that loses answers, fails and
//! is late, with processes that die and processes that take over: no key is ever booked at two substations.

mod rig;

use fastrand::Rng;

use super::*;
use rig::{Rules, World, run};

/// Runs three hundred worlds. No key may be booked twice in any of them; returns how many are booked.
async fn never_twice(world: impl Fn() -> World) -> usize {
    let mut booked = 0;
    for seed in 0..300 {
        let mut world = world();
        run(&mut world, &mut Rng::with_seed(seed)).await;
        assert_eq!(world.doubled(), 0, "seed {seed}");
        booked += world.booked();
    }
    booked
}

#[tokio::test(start_paused = true)]
async fn a_store_that_works_lets_no_key_be_booked_twice() {
    let booked = never_twice(|| World::with_store(3, Rules::default())).await;
    assert!(booked > 600, "{booked}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_answers_and_fails_lets_no_key_be_booked_twice() {
    let rules = Rules {
        fails: 0.1,
        loses_answer: 0.2,
        ..Rules::default()
    };
    never_twice(|| World::with_store(3, rules)).await;
}

#[tokio::test(start_paused = true)]
async fn processes_that_die_between_claim_and_answer_let_no_key_be_booked_twice() {
    let rules = Rules {
        loses_answer: 0.1,
        dies: 0.05,
        ..Rules::default()
    };
    never_twice(|| World::with_store(3, rules)).await;
}

#[tokio::test(start_paused = true)]
async fn processes_that_take_over_from_each_other_let_no_key_be_booked_twice() {
    let rules = Rules {
        hands_over: 0.05,
        ..Rules::default()
    };
    let booked = never_twice(|| World::alone(rules)).await;
    assert!(booked > 600, "{booked}");
}

/// The checks above find what they look for.
#[tokio::test(start_paused = true)]
async fn without_the_comparison_in_the_store_keys_are_booked_twice() {
    let rules = Rules {
        compares: false,
        ..Rules::default()
    };
    let mut doubled = 0;
    for seed in 0..100 {
        let mut world = World::with_store(3, rules);
        run(&mut world, &mut Rng::with_seed(seed)).await;
        doubled += world.doubled();
    }
    assert!(doubled > 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_proposed_during_a_handover_waits_for_its_end_and_no_longer_than_a_moment() {
    let keys = AgreedKeys::new(1, Instant::now());
    drop(keys.hand_over(Instant::now()));
    let proposal = rig::proposal(1);
    let mut claimed = Box::pin(keys.claim(&proposal));
    assert!(futures_util::poll!(&mut claimed).is_pending());
    keys.take_back();
    let holder = Claimed::Holder(HolderId::clone(&proposal.candidate));
    assert_eq!(claimed.await, Ok(holder));

    drop(keys.hand_over(Instant::now()));
    let began = Instant::now();
    assert!(keys.claim(&proposal).await.is_err());
    assert_eq!(began.elapsed(), LONGEST_HANDOVER);
}

#[tokio::test]
async fn with_a_store_a_handover_changes_nothing_about_who_decides() {
    let keys = AgreedKeys::new(1, Instant::now());
    let store = Arc::new(rig::Store::default());
    keys.share(Arc::clone(&store) as Arc<dyn Agreement>);
    drop(keys.hand_over(Instant::now()));
    keys.follow(Arc::new(rig::Gone));
    let proposal = rig::proposal(1);
    assert!(keys.claim(&proposal).await.is_ok());
    keys.take_back();
    assert!(keys.is_shared());
}
