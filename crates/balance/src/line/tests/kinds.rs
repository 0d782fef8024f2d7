//! Requests of several kinds, which can use different upstreams.

use super::*;

#[test]
fn one_kind_that_does_not_fit_blocks_no_other_and_takes_none_of_its_room() {
    // Those of kind 1 can't use the upstream with room.
    let mut station = Station::of(&[100, 0]);
    let mut line = Line::new(1);
    let car = |number: usize, kind| Car {
        number,
        arrived: ms(0),
        until: ms(1_000),
        load: 10,
        lasts: ms(1_000),
        kind,
    };
    for (number, kind) in [(0, 1), (1, 0), (2, 1), (3, 2)] {
        let turn = line.turn(ms(0), kind);
        line.join(
            turn,
            Load::from_micros(10),
            ms(0),
            ms(1_000),
            car(number, kind),
        );
    }
    line.serve(ms(1), &mut station);
    let served: Vec<_> = station.served.borrow().iter().map(|one| one.1).collect();
    assert_eq!((served, line.len()), (vec![1, 3], 2));
    assert!(!line.may_fit(Load::from_micros(10), 1, ms(1)));
    assert!(line.may_fit(Load::from_micros(10), 0, ms(1)));
    assert!(
        line.may_fit(Load::from_micros(10), 2, ms(1)),
        "none of them waits"
    );
    // Nothing is kept for them where they can't go.
    line.serve(ms(600), &mut station);
    assert_eq!(station.kept, None);
}

#[test]
fn a_thousand_kinds_cost_a_bounded_number_of_looks_and_each_has_its_turn() {
    let mut station = Station::of(&[0]);
    let mut line = Line::new(1);
    for kind in 2..1_002 {
        let turn = line.turn(ms(kind), kind);
        let car = Car {
            number: kind.try_into().unwrap(),
            arrived: ms(kind),
            until: ms(100_000),
            load: 10,
            lasts: ms(1),
            kind,
        };
        line.join(turn, Load::from_micros(10), ms(kind), car.until, car);
    }
    line.serve(ms(1_000), &mut station);
    assert_eq!((station.looks, line.len()), (64, 1_000));
    // Each comes to 32 others, so after 31 passes there is room for the last kinds too.
    for pass in 1..31 {
        line.serve(ms(1_000 + pass), &mut station);
    }
    station.capacity = vec![10];
    line.serve(ms(1_040), &mut station);
    let served: Vec<_> = station.served.borrow().iter().map(|one| one.1).collect();
    assert_eq!(
        served,
        [994],
        "the first of the requests that it had not come to"
    );
}
