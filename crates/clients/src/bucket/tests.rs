use std::{sync::Arc, thread};

use proptest::prelude::*;

use super::*;

/// The same, slowly: how full the bucket is, refilled step by step.
struct Model {
    level: u128,
    at: u128,
}

impl Model {
    fn new(allowance: Allowance) -> Self {
        Self {
            level: u128::from(allowance.interval) * u128::from(allowance.burst),
            at: 0,
        }
    }

    fn refill(&mut self, allowance: Allowance, now: Duration) {
        let most = u128::from(allowance.interval) * u128::from(allowance.burst);
        self.level = (self.level + now.as_nanos() - self.at).min(most);
        self.at = now.as_nanos();
    }

    fn take(&mut self, allowance: Allowance, now: Duration) -> bool {
        self.refill(allowance, now);
        let cost = u128::from(allowance.interval);
        let has = self.level >= cost;
        if has {
            self.level -= cost;
        }
        has
    }
}

fn steps() -> impl Strategy<Value = Vec<u64>> {
    // From bursts to pauses in which everything refills.
    let step = prop_oneof![
        Just(0),
        0..1_000_u64,
        0..2_000_000_000_u64,
        0..90_000_000_000_u64
    ];
    prop::collection::vec(step, 1..300)
}

fn allowances() -> impl Strategy<Value = Allowance> {
    let requests = prop_oneof![1..20_u32, 1..100_000_u32, Just(3)];
    let per = prop_oneof![Just(1), Just(60), Just(3_600)].prop_map(Duration::from_secs);
    let burst = prop::option::of(1..50_u32);
    (requests, per, burst).prop_map(|(requests, per, burst)| Allowance::new(requests, per, burst))
}

proptest! {
    #[test]
    fn it_agrees_with_a_bucket_that_is_refilled_step_by_step(allowance in allowances(), steps in steps()) {
        let (bucket, mut model) = (Bucket::default(), Model::new(allowance));
        let mut now = Duration::ZERO;
        for step in steps {
            now += Duration::from_nanos(step);
            let taken = bucket.take(allowance, now);
            prop_assert_eq!(taken.is_ok(), model.take(allowance, now));
            if let Ok(left) = taken {
                let whole = model.level / u128::from(allowance.interval);
                prop_assert_eq!(u128::from(left.requests), whole);
            }
        }
    }

    #[test]
    fn the_time_to_wait_is_true_and_no_longer_than_it_must_be(allowance in allowances(), steps in steps()) {
        let bucket = Bucket::default();
        let mut now = Duration::ZERO;
        for step in steps {
            now += Duration::from_nanos(step);
            if let Err(TooSoon { retry_in }) = bucket.take(allowance, now) {
                prop_assert!(retry_in >= 1);
                let at = nanos(now + Duration::from_secs(retry_in.into()));
                let full_at = bucket.full_at.load(Relaxed);
                prop_assert!(after(full_at, allowance, at).is_ok());
                // A second earlier it would not have passed.
                let early = nanos(now + Duration::from_secs(u64::from(retry_in) - 1));
                prop_assert!(after(full_at, allowance, early).is_err());
            }
        }
    }

    #[test]
    fn whatever_it_was_filled_for_a_new_allowance_counts_at_once(
        before in allowances(), allowance in allowances(), taken in 0..200_u32,
    ) {
        let bucket = Bucket::default();
        for _ in 0..taken {
            let _ = bucket.take(before, Duration::ZERO);
        }
        if let Err(TooSoon { retry_in }) = bucket.take(allowance, Duration::ZERO) {
            prop_assert!(u64::from(retry_in) <= allowance.interval.div_ceil(SECOND));
            prop_assert!(bucket.take(allowance, Duration::from_secs(retry_in.into())).is_ok());
        }
    }
}

#[test]
fn a_burst_is_one_second_s_unless_it_is_said() {
    for (requests, per, burst, expected) in [
        (5, 1, None, 5),
        (30, 60, None, 1),
        (179, 60, None, 2),
        (5, 1, Some(1), 1),
        (6, 60, Some(20), 20),
    ] {
        let allowance = Allowance::new(requests, Duration::from_secs(per), burst);
        assert_eq!(allowance.burst(), expected);
        let bucket = Bucket::default();
        let passed = (0..100).filter(|_| bucket.take(allowance, Duration::ZERO).is_ok());
        assert_eq!(passed.count(), usize::try_from(expected).unwrap());
    }
}

#[test]
fn what_is_left_is_said() {
    let (bucket, allowance) = (
        Bucket::default(),
        Allowance::new(2, Duration::from_secs(1), Some(4)),
    );
    assert_eq!(allowance.seconds_to_fill(), 2);
    let now = Duration::from_secs(7);
    let left = |requests, full_in| Ok(Left { requests, full_in });
    assert_eq!(bucket.take(allowance, now), left(3, 1));
    assert_eq!(bucket.take(allowance, now), left(2, 1));
    assert_eq!(bucket.take(allowance, now), left(1, 2));
    assert_eq!(bucket.take(allowance, now), left(0, 2));
    let too_soon = Err(TooSoon { retry_in: 1 });
    assert_eq!(bucket.take(allowance, now), too_soon);
    assert_eq!(
        bucket.take(allowance, now),
        too_soon,
        "a refusal takes nothing"
    );
    let later = now + Duration::from_millis(500);
    assert_eq!(bucket.take(allowance, later), left(0, 2));
}

#[test]
fn threads_together_take_what_there_is_and_no_more() {
    let bucket = Arc::new(Bucket::default());
    let allowance = Allowance::new(1, Duration::from_secs(1), Some(10_000));
    let taken: usize = thread::scope(|scope| {
        let one = || {
            let now = Duration::from_secs(1);
            let all = (0..5_000).filter(|_| bucket.take(allowance, now).is_ok());
            all.count()
        };
        let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(taken, 10_000);
}
