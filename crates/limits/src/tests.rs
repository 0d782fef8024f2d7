//! The table in the documentation, line by line, and the whole against a plain judge.

mod judge;
mod transitions;

use std::time::{Duration, SystemTime};

use switchyard_balance::Load;

use crate::{Change, Failsafe, Limits, Now, Order, Timestamp};

/// When the tests begin, in seconds since the Unix epoch.
const BEGIN: u64 = 1_796_126_400;

/// Two clocks, of which one can be set.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall_millis: u64,
    uptime_millis: u64,
}

impl Clocks {
    fn start() -> Self {
        Self {
            wall_millis: BEGIN * 1_000,
            uptime_millis: 5_000,
        }
    }

    fn now(self) -> Now {
        Now {
            wall: at(self.wall_millis),
            uptime: Duration::from_millis(self.uptime_millis),
        }
    }

    fn pass(&mut self, millis: u64) {
        self.wall_millis += millis;
        self.uptime_millis += millis;
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

fn load(value: u32) -> Load {
    Load::new(value.into()).unwrap()
}

/// An order whose times are so many milliseconds after the Unix epoch.
fn order(source: &str, value: u32, times: [Option<u64>; 2], failsafe: Option<(u32, u64)>) -> Order {
    let [from, until] = times.map(|time| time.map(at));
    Order {
        value: load(value),
        source: source.into(),
        from,
        until,
        failsafe: failsafe.map(|(fallback, heartbeat)| Failsafe {
            fallback: load(fallback),
            heartbeat: Duration::from_millis(heartbeat),
        }),
    }
}

/// The limits of a process that starts now, after so many milliseconds without one.
fn restarted(limits: &Limits, clocks: &mut Clocks, millis: u64) -> Limits {
    let carried = limits.carry(clocks.now());
    let bytes = postcard::to_stdvec(&carried).unwrap();
    let carried = postcard::from_bytes(&bytes).unwrap();
    clocks.wall_millis += millis;
    clocks.uptime_millis = 3;
    let mut next = Limits::default();
    let restored = next.restore(carried, Duration::from_millis(millis), clocks.now());
    assert_eq!(restored.restored, limits.len());
    assert!(restored.unreadable.is_empty());
    next
}

fn put(limits: &mut Limits, name: &str, order: Order, now: Now) -> Change {
    limits.put(name, order, now).unwrap()
}

#[test]
fn names_and_sources_are_bounded() {
    let (mut limits, now) = (Limits::default(), Clocks::start().now());
    for at in 0..16 {
        put(
            &mut limits,
            "north",
            order(&format!("s{at}"), 5, [None; 2], None),
            now,
        );
    }
    let one_more = limits.put("north", order("one more", 5, [None; 2], None), now);
    assert_eq!(one_more.unwrap_err(), crate::Full::Sources(16));
    put(&mut limits, "north", order("s7", 4, [None; 2], None), now);
    for at in 16..20_000 {
        put(
            &mut limits,
            &format!("n{at}"),
            order("dso", 5, [None; 2], None),
            now,
        );
    }
    let one_more = limits.put("south", order("dso", 5, [None; 2], None), now);
    assert_eq!(one_more.unwrap_err(), crate::Full::Limits(20_000));
    assert_eq!(limits.len(), 20_000);
    assert!(limits.delete("n19", "dso").is_some());
    put(&mut limits, "south", order("dso", 5, [None; 2], None), now);
    assert_eq!(limits.in_force("north").unwrap().value, load(4));
}

#[test]
fn what_was_carried_and_breaks_a_rule_is_named() {
    let (mut limits, clocks) = (Limits::default(), Clocks::start());
    put(
        &mut limits,
        "north",
        order("dso", 5, [None; 2], Some((1, 60_000))),
        clocks.now(),
    );
    let good = limits.carry(clocks.now());
    for break_it in [
        |one: &mut crate::CarriedLimit| one.value = f64::NAN,
        |one: &mut crate::CarriedLimit| one.value = -1.0,
        |one: &mut crate::CarriedLimit| one.until = Some("soon".to_owned()),
        |one: &mut crate::CarriedLimit| one.source = "a\nb".to_owned(),
        |one: &mut crate::CarriedLimit| one.failsafe = Some((f64::INFINITY, Duration::ZERO)),
    ] {
        let mut carried = good.clone();
        break_it(&mut carried.limits[0]);
        carried
            .limits
            .extend(good.limits.iter().cloned().map(|mut one| {
                one.name = "south".to_owned();
                one
            }));
        let mut next = Limits::default();
        let restored = next.restore(carried, Duration::ZERO, clocks.now());
        assert_eq!(restored.restored, 1);
        assert_eq!(restored.unreadable, ["north"]);
    }
    // What is known here already is newer.
    let mut next = Limits::default();
    put(
        &mut next,
        "north",
        order("dso", 9, [None; 2], None),
        clocks.now(),
    );
    assert_eq!(next.restore(good, Duration::ZERO, clocks.now()).restored, 0);
    assert_eq!(next.in_force("north").unwrap().value, load(9));
}

#[test]
fn an_answer_says_all_there_is_to_a_limit() {
    let (mut limits, mut clocks) = (Limits::default(), Clocks::start());
    let times = [None, Some((BEGIN + 3_600) * 1_000)];
    put(
        &mut limits,
        "north",
        order("dso", 200, times, Some((100, 60_000))),
        clocks.now(),
    );
    clocks.pass(1_500);
    let shown = |limits: &Limits, clocks: Clocks| {
        let limit = &limits.of("north")[0];
        serde_json::to_value(limit.shown("north", clocks.now())).unwrap()
    };
    let mut expected = serde_json::json!({
        "name": "north", "value": 200.0, "source": "dso", "from": null, "until": "2026-12-01T13:00:00Z",
        "fallback": 100.0, "heartbeat": "1m", "heartbeat_age_seconds": 1.5,
        "state": "in_force", "fallback_in_force": false, "in_force": 200.0,
    });
    assert_eq!(shown(&limits, clocks), expected);
    clocks.pass(60_000);
    let changes = limits.advance(clocks.now());
    let told = |limit: &Option<crate::Limit>| limit.as_ref().unwrap().to_string();
    assert_eq!(
        told(&changes[0].before),
        "200 until 2026-12-01T13:00:00Z, else 100 after 1m of silence"
    );
    assert_eq!(
        told(&changes[0].after),
        "200 until 2026-12-01T13:00:00Z, else 100 after 1m of silence (fallback)"
    );
    expected["heartbeat_age_seconds"] = 61.5.into();
    expected["state"] = "fallback".into();
    expected["fallback_in_force"] = true.into();
    expected["in_force"] = 100.0.into();
    assert_eq!(shown(&limits, clocks), expected);
    let in_force = limits.in_force("north").unwrap();
    assert_eq!((in_force.value, in_force.is_fallback), (load(100), true));
}
