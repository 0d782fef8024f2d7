use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

/// A named client that asks for 11 at this time.
fn car(client: u64, millis: u64) -> Ask {
    Ask {
        client,
        is_named: true,
        load: load(11.0),
        now: Duration::from_millis(millis),
    }
}

/// A client like any other.
fn stranger(millis: u64) -> Ask {
    Ask {
        is_named: false,
        ..car(0, millis)
    }
}

/// Sessions of 11 that begin now and end after so many seconds.
fn ending(seconds: &[u32]) -> Forecast {
    let forecast = Forecast::default();
    for (number, seconds) in (0..).zip(seconds) {
        let now = Duration::from_nanos(64 * number);
        forecast.booked(load(11.0), SECOND * *seconds, now);
    }
    forecast
}

struct Rig {
    promises: Promises,
    forecast: Forecast,
    rng: Rng,
}

impl Rig {
    fn new(forecast: Forecast) -> Self {
        Self {
            promises: Promises::default(),
            forecast,
            rng: Rng::with_seed(1),
        }
    }

    fn refuse(&mut self, ask: Ask) -> Wait {
        self.promises.promise(ask, &self.forecast, 0, &mut self.rng)
    }

    /// Whether it enters where so many have room.
    fn enters(&mut self, ask: Ask, places: i128) -> bool {
        let free = places * i128::from(load(11.0).micros());
        self.promises.enter(ask, &self.forecast, || free)
    }
}

#[test]
fn each_has_a_place_of_its_own_also_beyond_the_sessions_that_run() {
    for ask in [car, |_, millis| stranger(millis)] {
        let mut rig = Rig::new(ending(&[10, 20, 30]));
        let told = [1, 2].map(|client| rig.refuse(ask(client, 500)));
        assert_eq!(told, [11, 21].map(Wait::Promised));
        let mut last = 0;
        for client in 3..=300 {
            let Wait::Promised(told) = rig.refuse(ask(client, 500)) else {
                panic!("{client}")
            };
            // Sessions of 20 s on average, three at a time.
            last = last.max(told);
        }
        assert!((1_600..2_400).contains(&last), "{last}");
    }
}

#[test]
fn larger_loads_wait_longer_and_what_is_not_known_is_not_promised() {
    let mut rig = Rig::new(ending(&[10, 20, 30]));
    let large = |client| Ask {
        load: load(22.0),
        ..car(client, 0)
    };
    assert_eq!(rig.refuse(large(1)), Wait::Promised(21));
    assert_eq!(rig.refuse(car(2, 0)), Wait::Promised(31));
    let mut rig = Rig::new(Forecast::default());
    assert_eq!(rig.refuse(car(1, 0)), Wait::Unknown);
    let mut rig = Rig::new(ending(&[5_000]));
    assert_eq!(rig.refuse(car(1, 0)), Wait::Longer(3_600));
    assert_eq!(rig.promises.count(), 0);
}

#[test]
fn a_place_is_kept_for_the_car_that_was_promised_it() {
    let mut rig = Rig::new(ending(&[10]));
    assert_eq!(rig.refuse(car(1, 0)), Wait::Promised(11));
    assert!(!rig.enters(car(2, 10_500), 1), "it is another's");
    assert!(rig.enters(car(2, 10_500), 2), "there is room for both");
    assert!(!rig.promises.is_due(car(1, 10_500)));
    assert!(rig.promises.is_due(car(1, 10_999)), "timers end early");
    assert!(!rig.enters(car(2, 12_000), 1));
    assert!(
        rig.enters(car(1, 12_000), 0),
        "whether there is room is not asked"
    );
    assert_eq!(rig.promises.count(), 0);
    assert!(rig.enters(car(2, 12_000), 1));
}

#[test]
fn a_car_that_comes_early_keeps_its_place_or_has_it_at_once() {
    let mut rig = Rig::new(ending(&[10, 20]));
    assert_eq!(rig.refuse(car(1, 0)), Wait::Promised(11));
    assert_eq!(rig.refuse(car(2, 0)), Wait::Promised(21));
    assert!(!rig.enters(car(2, 5_000), 0));
    assert_eq!(rig.refuse(car(2, 5_000)), Wait::Promised(16));
    assert_eq!(rig.promises.count(), 2);
    assert!(
        !rig.enters(car(2, 10_400), 1),
        "this room is the first car's"
    );
    assert!(rig.enters(car(1, 10_500), 1), "and it may have it now");
    assert!(rig.enters(car(2, 12_000), 1), "a session ended early");
    assert_eq!(rig.promises.count(), 0);
}

#[test]
fn of_those_that_can_not_be_told_apart_whoever_comes_has_the_place_that_is_due() {
    let mut rig = Rig::new(ending(&[10, 20]));
    assert_eq!(rig.refuse(stranger(0)), Wait::Promised(11));
    assert_eq!(rig.refuse(stranger(5_000)), Wait::Promised(16));
    assert!(!rig.enters(stranger(10_500), 1));
    assert!(rig.enters(stranger(11_000), 1));
    assert!(!rig.enters(stranger(11_001), 0));
    assert!(rig.enters(stranger(21_000), 1));
    assert_eq!(rig.promises.count(), 0);
}

#[test]
fn a_place_that_is_not_fetched_lapses_and_where_none_is_nothing_is_kept() {
    let mut rig = Rig::new(ending(&[10]));
    assert_eq!(rig.refuse(car(1, 0)), Wait::Promised(11));
    assert!(!rig.enters(car(2, 14_900), 1));
    assert!(rig.enters(car(2, 15_000), 1));
    assert!(!rig.promises.is_due(car(1, 15_000)));
    for client in 0..100 {
        let now = Duration::from_secs(100 * (client + 1));
        rig.forecast.booked(load(11.0), SECOND * 10, now);
        let refused = Ask {
            now,
            ..car(client, 0)
        };
        assert_eq!(rig.refuse(refused), Wait::Promised(11));
    }
    let now = Duration::from_secs(20_000);
    rig.forecast.booked(load(11.0), SECOND * 10, now);
    for client in [1, 2] {
        let refused = Ask {
            now,
            ..car(client, 0)
        };
        assert_eq!(rig.refuse(refused), Wait::Promised(11), "as before");
    }
    assert!(rig.enters(car(3, 20_011_500), 2), "no room is kept");
    // Once they come back, it is again.
    for client in 1_000..1_200_u64 {
        let now = Duration::from_secs(21_000 + 100 * (client - 1_000));
        rig.forecast.booked(load(11.0), SECOND * 10, now);
        rig.refuse(Ask {
            now,
            ..car(client, 0)
        });
        assert!(rig.enters(
            Ask {
                now: now + SECOND * 11,
                ..car(client, 0)
            },
            1
        ));
    }
    let now = Duration::from_secs(50_000);
    rig.forecast.booked(load(11.0), SECOND * 10, now);
    rig.refuse(Ask { now, ..car(1, 0) });
    assert!(!rig.enters(car(2, 50_010_900), 1));
}

#[test]
fn memory_is_bounded_and_nothing_is_left_in_the_sums() {
    let mut rig = Rig::new(ending(&vec![60; 5_000]));
    for client in 0..80_000_u64 {
        let ask = Ask {
            is_named: client % 8 > 0,
            ..car(client % 75_000, 0)
        };
        rig.refuse(ask);
    }
    assert_eq!(rig.promises.count(), MOST);
    let mut rng = Rng::with_seed(2);
    let mut now = Duration::ZERO;
    for _ in 0..5_000 {
        now += SECOND.mul_f64(2.0 * rng.f64());
        let lasts = SECOND * rng.u32(1..300);
        rig.forecast.booked(load(11.0), lasts, now);
        let ask = Ask {
            client: rng.u64(..500),
            is_named: rng.bool(),
            load: load(1.0 + rng.f64()),
            now,
        };
        if !rig.enters(ask, i128::from(rng.u8(..2))) {
            rig.refuse(ask);
        }
    }
    rig.promises.sweep(now.as_secs() + 10 * RING);
    assert_eq!((rig.promises.count(), rig.promises.due), (0, 0));
    let Promises {
        promised,
        ending,
        lapses,
        ..
    } = rig.promises;
    assert!(promised.iter().chain(&*ending).all(|sum| *sum == 0) && lapses.is_empty());
}

/// The promises of a rig in the next process, which began `ago` and whose own time is `now`.
fn next(before: &mut Rig, at: u64, ago: u64, now: u64) -> Rig {
    let (at, ago) = (Duration::from_millis(at), Duration::from_millis(ago));
    let forecast = Forecast::default();
    let now = Duration::from_millis(now);
    forecast.restore(&before.forecast.carry(at), ago, now);
    let mut rig = Rig::new(forecast);
    rig.promises.restore(&before.promises.carry(at), ago, now);
    rig
}

#[test]
fn a_promise_is_kept_by_the_next_process() {
    let mut old = Rig::new(ending(&[10, 30]));
    assert_eq!(old.refuse(car(1, 500)), Wait::Promised(11));
    assert_eq!(old.refuse(car(2, 500)), Wait::Promised(31));
    // The next process has run for 300 ms when it takes over, half a second after the old one has written this.
    let mut new = next(&mut old, 5_500, 500, 300);
    assert_eq!(new.promises.count(), 2);
    // It was told to come 11 s after 0.5 s, which is 5.5 s after 6 s: 5.8 s on the new clock.
    assert!(!new.enters(car(3, 5_750), 1), "it is the first one's");
    assert!(new.promises.is_due(car(1, 5_800)));
    assert!(!new.promises.is_due(car(2, 5_800)));
    assert!(new.enters(car(1, 5_800), 1));
    // A client that comes early is told the same time, and not a new one.
    assert_eq!(new.refuse(car(2, 5_800)), Wait::Promised(20));
    assert!(new.enters(car(2, 25_800), 1));
    assert_eq!(new.promises.count(), 0);
}

#[test]
fn a_promise_whose_time_is_over_lapses_in_the_next_process_as_in_the_old_one() {
    let mut old = Rig::new(ending(&[10]));
    assert_eq!(old.refuse(car(1, 0)), Wait::Promised(11));
    let mut due = next(&mut old, 12_000, 100, 50);
    assert_eq!(due.promises.count(), 1);
    assert!(!due.enters(car(2, 60), 1), "it is kept for the first one");
    assert!(due.enters(car(1, 60), 1));
    let mut over = next(&mut old, 12_000, 10_000, 50);
    assert_eq!(over.promises.count(), 0);
    assert!(over.enters(car(2, 60), 1));
}

#[test]
fn whatever_is_carried_no_promise_panics() {
    let moments = [i64::MIN, -1, 0, 1, 4_000_000, i64::MAX];
    let mut carried = CarriedPromises {
        come_back: u32::MAX,
        ..CarriedPromises::default()
    };
    for room in moments {
        for lapse in moments {
            let place = CarriedPlace {
                client: 1,
                expected: room,
                room,
                end: Some(lapse),
                lapse,
                load: i64::MAX,
            };
            carried.places.push(place);
        }
    }
    for ago in [Duration::ZERO, SECOND, Duration::MAX] {
        let mut rig = Rig::new(ending(&[10]));
        rig.promises.restore(&carried, ago, SECOND);
        for at in [1_000, 2_000, 9_000_000] {
            rig.refuse(car(2, at));
            rig.enters(car(1, at), 1);
        }
    }
}
