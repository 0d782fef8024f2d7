//! What a floor promises.

use super::*;

fn found(members: &[(f64, f64)]) -> Floor {
    members.iter().fold(Floor::NONE, |floor, (base, weight)| {
        floor.with(*base, *weight)
    })
}

/// The floors of one group whose members have these scores and weights.
fn one(members: &[(f64, f64)]) -> Floors {
    let floors = Floors::new(1);
    floors.tighten(0, floors.version(0), found(members));
    floors
}

#[test]
fn a_floor_is_never_above_any_member_and_exact_for_the_typical_request() {
    // (estimate, weight), for a typical request of 5.
    let members = [(1.0, 0.3), (0.5, 0.4), (9.0, 0.1), (f64::NAN, f64::NAN)];
    let score = |(estimate, weight): (f64, f64), load: f64| (estimate + load) * weight;
    let floors = one(&members.map(|member| (score(member, 5.0), member.1)));
    for load in [0.0, 1.0, 4.9, 5.0, 5.1, 50.0] {
        let lowest = |lowest: f64, member| lowest.min(score(member, load));
        let lowest = members.into_iter().fold(f64::INFINITY, lowest);
        let floor = floors.floor(0, load - 5.0);
        assert!(floor <= lowest, "{load}: {floor} and {lowest}");
        if (load - 5.0).abs() < 1e-9 {
            assert!(floor > lowest * (1.0 - PRECISION), "{floor} and {lowest}");
        }
    }
}

#[test]
fn places_are_in_the_order_of_numbers_and_a_floor_is_rounded_down() {
    let numbers = [f64::MIN, -1.5, -1e-9, -0.0, 0.0, 1e-300, 0.1, 7.0];
    assert!(numbers.is_sorted_by_key(|number| place(*number)));
    for number in numbers {
        assert_eq!(number_at(place(number)).to_bits(), number.to_bits());
        assert!(number_at(place(number) & !VERSION_BITS) <= number);
    }
    let floors = one(&[(f64::NEG_INFINITY, 1.0)]);
    assert_eq!(floors.floor(0, 1.0).to_bits(), f64::NEG_INFINITY.to_bits());
    for base in [-1.0, -0.123_456_789_123_456_7, -1e-9] {
        let floors = one(&[(base, 1.0)]);
        assert!((base * (1.0 + PRECISION)..=base).contains(&floors.floor(0, 0.0)));
    }
}

#[test]
fn a_floor_from_before_a_loosening_is_not_taken() {
    let floors = Arc::new(Floors::new(1));
    let group = floors.group(0);
    assert!(floors.is_loose(0), "not searched yet");
    let version = floors.version(0);
    group.loosen();
    floors.tighten(0, version, found(&[(5.0, 1.0)]));
    assert!(floors.is_loose(0));
    let version = floors.tighten(0, floors.version(0), found(&[(5.0, 1.0)]));
    assert!(floors.floor(0, 1.0) > 5.9);
    group.loosen();
    floors.tighten(0, version, found(&[(5.0, 1.0)]));
    assert!(floors.is_loose(0));
}

#[test]
fn a_booking_raises_the_floor_to_the_lowest_that_is_left() {
    let floor = found(&[(3.0, 1.0), (1.0, 1.0), (f64::NAN, f64::NAN), (2.0, 1.0)]);
    let raised = |before, after| floor.raised(before, after).lowest;
    assert_eq!(raised(1.0, 1.5), place(1.5));
    assert_eq!(raised(1.0, 9.0), place(2.0));
    assert_eq!(raised(3.0, 9.0), place(1.0));
    let tied = found(&[(1.0, 1.0), (1.0, 1.0)]);
    assert_eq!(tied.raised(1.0, 9.0).lowest, place(1.0));
}

#[test]
fn a_group_without_eligible_members_is_skipped() {
    let floors = one(&[(f64::NAN, f64::NAN)]);
    assert!(floors.floor(0, 1.0) > f64::MAX);
    assert_eq!(floors.next_below(f64::INFINITY, 0.0, 0), None);
    assert_eq!(floors.next_below(f64::INFINITY, 1.0, 0), None);
}

#[test]
fn the_lowest_is_found_from_every_start_and_of_equal_ones_the_first() {
    let mut rng = fastrand::Rng::with_seed(4);
    for groups in [1, 2, 3, 4, 5, 8, 9, 157] {
        let floors = Floors::new(groups);
        let scores: Vec<f64> = (0..groups).map(|_| f64::from(rng.u8(..6))).collect();
        for (number, score) in scores.iter().enumerate() {
            for _ in 0..rng.u8(..4) {
                floors.loosen(number);
            }
            floors.tighten(number, floors.version(number), found(&[(*score, 1.0)]));
        }
        for start in 0..groups {
            let order = (start..groups).chain(0..start);
            let lowest = order.min_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            for more in [0.0, 2.0, -0.5] {
                assert_eq!(floors.lowest(more, start), lowest);
            }
        }
        for more in [0.0, 2.0] {
            let below = |from: usize| floors.next_below(3.5 + more, more, from);
            for from in 0..groups {
                let wanted = (from..groups).find(|number| scores[*number] < 3.5);
                assert_eq!(below(from), wanted);
            }
            assert_eq!(below(groups), None);
        }
    }
}

#[test]
fn the_more_upstreams_the_larger_the_groups() {
    for (upstreams, size) in [(0, 8), (33, 8), (100, 8), (1_000, 32), (10_000, 64)] {
        assert_eq!(size_among(upstreams), size, "{upstreams}");
    }
}
