//! Which limit follows from which traffic, to the last request.

use super::*;

const LOOK: Duration = Duration::from_millis(50);

/// An upstream that has answered many requests, each in so many seconds.
fn known(each: f64) -> Traffic {
    Traffic {
        answered: 100,
        ended: 100,
        seconds: 100.0 * each,
        ..Traffic::default()
    }
}

fn limits(upstreams: usize) -> RequestLimits<usize> {
    let mut limits = RequestLimits::default();
    limits.follow(0..upstreams);
    limits
}

/// The limits after looks at this traffic.
fn looked(limits: &mut RequestLimits<usize>, traffic: &[Traffic], times: u32) -> Vec<Option<u32>> {
    let mut found = Vec::new();
    for _ in 0..times {
        let looked = limits.look(traffic.iter().copied().map(Some), LOOK);
        found = looked.map(RequestLimit::requests).collect();
    }
    found
}

/// The limit of a slow one of three upstreams of these capacities, with so many requests under way at each.
fn slow_one(capacities: [Option<f64>; 3], in_flight: [u64; 3]) -> Option<u32> {
    let traffic: Vec<_> = [1.0, 0.1, 0.1]
        .into_iter()
        .zip(capacities)
        .zip(in_flight)
        .map(|((each, capacity), in_flight)| Traffic {
            in_flight,
            capacity,
            ..known(each)
        })
        .collect();
    let found = looked(&mut limits(3), &traffic, 1);
    assert_eq!(found[1..], [None, None]);
    found[0]
}

#[test]
fn a_slow_one_gets_the_part_of_the_requests_that_its_capacity_is_of_all() {
    let three = |own, others| [Some(own), Some(others), Some(others)];
    assert_eq!(slow_one(three(100.0, 200.0), [20, 20, 20]), Some(12));
    assert_eq!(slow_one(three(300.0, 100.0), [20, 20, 20]), Some(36));
    assert_eq!(
        slow_one(three(100.0, 200.0), [1, 1, 19]),
        Some(5),
        "rounded up"
    );
    assert_eq!(slow_one(three(1.0, 200.0), [20, 20, 20]), Some(LEAST));
    // Without capacities, or with none in all, each has the same part.
    assert_eq!(slow_one([None; 3], [20, 20, 20]), Some(20));
    assert_eq!(
        slow_one([Some(1.0), None, Some(1.0)], [20, 20, 20]),
        Some(20)
    );
    assert_eq!(slow_one(three(0.0, 0.0), [20, 20, 20]), Some(20));
}

#[test]
fn slow_is_more_than_four_times_the_middle_and_five_milliseconds_longer() {
    let is_slow = |each: f64, middle: f64| {
        let traffic = [known(each), known(middle), known(middle)];
        looked(&mut limits(3), &traffic, 1)[0].is_some()
    };
    assert!(!is_slow(0.039, 0.01) && is_slow(0.041, 0.01));
    assert!(!is_slow(0.005_9, 0.001) && is_slow(0.006_1, 0.001));
    // Once slow, it has to get below half of both.
    let stays_slow = |each: f64, middle: f64| {
        let mut limits = limits(3);
        let others = known(middle);
        looked(&mut limits, &[known(100.0 * middle), others, others], 1);
        // So many more that only they count.
        let mut now = known(100.0 * middle);
        (now.ended, now.answered) = (200, 200);
        now.seconds += 100.0 * each;
        looked(&mut limits, &[now, others, others], 1)[0].is_some()
            && looked(&mut limits, &[now, others, others], 12)[0].is_some()
    };
    assert!(stays_slow(0.021, 0.01) && !stays_slow(0.019, 0.01));
    assert!(stays_slow(0.003_6, 0.001) && !stays_slow(0.003_4, 0.001));
}

#[test]
fn a_newcomer_among_others_that_have_answered_gets_few_until_it_answers() {
    let new = Traffic::default();
    let both = |first: Traffic, second: Traffic| looked(&mut limits(2), &[first, second], 1);
    assert_eq!(both(new, known(0.1)), [Some(LEAST), None]);
    assert_eq!(both(new, new), [None, None], "all are new");
    let one = Traffic {
        answered: 1,
        ended: 1,
        seconds: 0.1,
        ..new
    };
    assert_eq!(both(one, new), [None, Some(LEAST)]);
    assert_eq!(both(one, one), [None, None]);
}

#[test]
fn a_limit_is_doubled_while_half_of_it_is_used_and_forgotten_when_it_is_large() {
    let mut limits = limits(2);
    let (new, other) = (Traffic::default(), known(0.1));
    assert_eq!(looked(&mut limits, &[new, other], 1)[0], Some(4));
    // It answers one after the other.
    let mut ended = 0;
    let mut with = |in_flight| {
        ended += 1;
        Traffic {
            answered: ended,
            ended,
            seconds: 0.1 * count(ended),
            in_flight,
            ..new
        }
    };
    for (in_flight, limit) in [
        (2, Some(8)),
        (4, Some(16)),
        (8, Some(32)),
        (3_000, Some(64)),
        (3_000, Some(128)),
        (3_000, Some(256)),
        (3_000, Some(512)),
        (3_000, Some(1_024)),
        (3_000, Some(2_048)),
        (3_000, None),
    ] {
        let found = looked(&mut limits, &[with(in_flight), other], 1)[0];
        assert_eq!(found, limit, "{in_flight}");
    }
    let mut limits = self::limits(2);
    looked(&mut limits, &[new, other], 1);
    assert_eq!(looked(&mut limits, &[with(1), other], 1)[0], None);
}

#[test]
fn how_long_a_silence_lasts_goes_by_how_many_requests_it_meets() {
    // For eight, four and two times what one takes, and a quarter of a second at least.
    for (each, in_flight, looks) in [
        (0.11, 4, 18),
        (0.11, 8, 9),
        (0.11, 16, 5),
        (0.21, 8, 17),
        (0.21, 16, 9),
        (0.21, 100, 9),
    ] {
        let mut limits = limits(2);
        let busy = Traffic {
            in_flight,
            ..known(each)
        };
        let other = known(each);
        looked(&mut limits, &[busy, other], 1);
        let found = looked(&mut limits, &[busy, other], looks - 1)[0];
        assert_ne!(found, Some(1), "{in_flight}");
        let found = looked(&mut limits, &[busy, other], 1)[0];
        assert_eq!(found, Some(1), "{in_flight}");
    }
    // Three say nothing.
    let few = Traffic {
        in_flight: 3,
        ..known(0.1)
    };
    let found = looked(&mut limits(2), &[few, known(0.1)], 100)[0];
    assert_ne!(found, Some(1));
}

#[test]
fn what_was_carried_is_taken_over_if_it_is_sound() {
    let restored = |usual: f64, known: f64| {
        let mut limits = limits(1);
        let carried = CarriedPace {
            usual,
            known,
            limit: Some(7),
            ..CarriedPace::default()
        };
        assert_eq!(carried.limit(), RequestLimit::Soft(7));
        limits.restore([(0, carried)]);
        let (_, again) = limits.carry().next().unwrap();
        assert_eq!(again.limit, Some(7));
        (again.usual, again.known)
    };
    assert_eq!(restored(0.5, 3.0), (0.5, 3.0));
    assert_eq!(restored(0.5, 300.0), (0.5, MEMORY));
    assert_eq!(restored(0.0, 0.0), (0.0, 0.0));
    for unsound in [
        (-0.5, 3.0),
        (f64::NAN, 3.0),
        (f64::INFINITY, 3.0),
        (0.5, -1.0),
        (0.5, f64::NAN),
    ] {
        let (usual, known) = unsound;
        assert_eq!(restored(usual, known), (0.0, 0.0), "{unsound:?}");
    }
    let none = CarriedPace::default().limit();
    assert_eq!(none, RequestLimit::Unlimited);
}
