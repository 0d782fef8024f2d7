//! What a client is told when a limit has no room, and what operators see.

use serde_json::Value;
use substation::Config;
use switchyard_faults as client;

use super::{
    held::CONFIG,
    yard::{Yard, feeders, limits},
};
use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

#[test]
fn a_refusal_names_the_limit_that_binds_and_the_one_with_the_most_left_of_several() {
    let yard = Yard::start(limits(600.0, 220.0, 200.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{}", feeders(600.0, 220.0, 200.0))));
    // Neither feeder has room for another 60.
    for (power, count) in [(40.0, 9), (20.0, 1)] {
        for _ in 0..count {
            let answer = proxy.charge(&format!(r#"{{"power_kw": {power}}}"#));
            assert_eq!(answer.status, 200, "{}", answer.json());
        }
    }
    yard.agrees(&proxy);
    let refused = proxy.charge(r#"{"power_kw": 60}"#);
    assert_eq!((refused.status, &*refused.code()), (503, "no_capacity"));
    let limit = refused.json()["error"]["limit"].clone();
    let left = |name: &str| yard.book().left(name);
    // What could be added at each substation is the least that is left on its path.
    let narrowest = [["s1", "feeder7"], ["s2", "feeder7"], ["s3", "feeder8"]]
        .map(|path| path.map(left).into_iter().fold(f64::MAX, f64::min));
    let most = narrowest.into_iter().fold(0.0, f64::max);
    let name = limit.as_str().unwrap();
    assert_eq!(left(name), most, "{name}: {narrowest:?}");
    let words = format!("{name} has {most} of ");
    assert!(
        refused.message().contains(&words),
        "{words}: {}",
        refused.message()
    );

    yard.fill(&proxy, "feeder7");
    yard.fill(&proxy, "feeder8");
    yard.agrees(&proxy);
    let refused = proxy.charge(r#"{"power_kw": 0.5}"#);
    let limit = refused.json()["error"]["limit"].clone();
    assert!(limit == "feeder7" || limit == "feeder8", "{limit}");
    assert!(
        refused.message().contains("0 of 2"),
        "{}",
        refused.message()
    );
}

#[test]
fn a_decision_names_the_binding_level_of_each_candidate() {
    let yard = Yard::start(limits(600.0, 100.0, 200.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{}", feeders(600.0, 100.0, 200.0))));
    let decision = until("a decision", || {
        let answer = proxy.charge(r#"{"power_kw": 1}"#);
        assert_eq!(answer.status, 200);
        let page = proxy.get("/decisions?limit=1").json();
        let decisions = page["decisions"].as_array().unwrap().clone();
        decisions.first().cloned()
    });
    let candidates = decision["candidates"].as_array().unwrap();
    let binding: Vec<_> = candidates
        .iter()
        .map(|one| {
            (
                one["substation"].as_str().unwrap_or_default(),
                one["binding"].clone(),
            )
        })
        .collect();
    // 1 of 100 at feeder7 is more than 1 of 150 at s1; s2 is of 100 too; feeder8 is of 200, less than s3.
    let named = |name: &str| -> Value {
        binding
            .iter()
            .find(|one| one.0 == name)
            .map_or(Value::Null, |one| one.1.clone())
    };
    assert_eq!(named("s1"), "feeder7", "{decision}");
    assert_eq!(named("s3"), "feeder8", "{decision}");
}

#[test]
fn retry_after_is_when_load_ends_below_the_limit_that_binds() {
    // An hour of charging takes 30 s.
    let substations = Substations::of((1..=2).map(|at| Config {
        time_scale: 120.0,
        ..Config::new(format!("s{at}"), 500.0)
    }));
    let [one, two] = [0, 1].map(|at| substations.addresses[at]);
    let proxy = Proxy::ready_from(&format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\n{CONFIG}\
         feeders:\n  - {{name: roof, capacity: 40}}\n  - {{name: near, parent: roof, capacity: 20}}\n  - {{name: far, capacity: 10}}\n\
         select: {{at: {{header: x-at}}}}\n\
         substations:\n  - {{name: s1, address: \"{one}\", feeder: near, labels: {{at: near}}}}\n  \
         - {{name: s2, address: \"{two}\", feeder: far, labels: {{at: far}}}}\n"
    ));
    let charge = |at: &str, power: f64, hours: f64| {
        let energy = power * hours;
        let body = format!(r#"{{"power_kw": {power}, "energy_kwh": {energy}}}"#);
        let headers = format!("x-at: {at}\r\nconnection: close\r\n");
        client::raw(
            proxy.charge,
            client::request("POST", "/request_charge", &headers, &body),
        )
    };
    assert_eq!(charge("far", 10.0, 2.0 / 3.0).status, 200, "for 20 s");
    assert_eq!(charge("near", 20.0, 1.0).status, 200, "for 30 s");
    let after = |at| {
        let refused = charge(at, 10.0, 1.0);
        assert_eq!((refused.status, &*refused.code()), (503, "no_capacity"));
        assert_eq!(refused.json()["error"]["limit"], at);
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let (near, far) = (after("near"), after("far"));
    assert!((22..=32).contains(&near), "{near}");
    assert!((12..=22).contains(&far), "{far}");
}
