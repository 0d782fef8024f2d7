//! Whose fault a failure is: clients, chance, and what happens elsewhere.

use std::net::IpAddr;

use super::*;

fn source(address: &str) -> Source {
    Source::of(address.parse::<IpAddr>().unwrap())
}

#[test]
fn a_client_is_an_address_or_a_network_of_ipv6() {
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
    let all = [
        "10.0.0.1",
        "10.0.0.2",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "2001:db8::1",
    ];
    let all = all.map(source);
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{one}");
    }
    assert_eq!(source("10.0.0.1").to_string(), "10.0.0.1");
    assert_eq!(source("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn the_failures_of_one_client_count_at_most_as_much_as_those_of_all_others() {
    let [one, two] = ["10.0.0.1", "10.0.0.2"].map(source);
    let mut failures = BySource::default();
    for _ in 0..1_000 {
        failures.add(one);
    }
    assert_eq!((failures.total(), failures.of_several()), (1_000, 0));
    assert_eq!(failures.heaviest(), one);
    failures.add(two);
    assert_eq!(failures.of_several(), 2);
    failures.add_of_nobody();
    assert_eq!(failures.of_several(), 4);
    let both = failures.with(&failures);
    assert_eq!((both.total(), both.of_several()), (2_004, 8));
}

#[test]
fn a_heavy_client_among_many_is_never_underestimated() {
    let mut rng = fastrand::Rng::with_seed(4);
    for share in [0.5, 0.7, 0.95] {
        let mut failures = BySource::default();
        let mut others = 0;
        for at in 0..10_000_u32 {
            let is_heavy = rng.f64() < share;
            others += u64::from(!is_heavy);
            let address = if is_heavy { 1 } else { 2 + at };
            failures.add(Source::of(IpAddr::V4(address.into())));
        }
        assert!(failures.of_several() <= 2 * others, "{share}: {failures:?}");
    }
    // Without a heavy one, nearly all count.
    let mut failures = BySource::default();
    for at in 0..10_000_u32 {
        failures.add(Source::of(IpAddr::V4(at.into())));
    }
    assert!(failures.of_several() > 9_000, "{failures:?}");
}

#[test]
fn the_client_that_gets_most_good_answers_is_believed_and_no_other() {
    let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(source);
    let main = MainClient::default();
    assert!(main.believes(one) && main.believes(two), "nothing is known");
    for _ in 0..100 {
        main.served(one);
    }
    assert!(main.believes(one) && !main.believes(two));
    // A probe that asks now and then changes nothing.
    for _ in 0..100 {
        (0..9).for_each(|_| main.served(one));
        main.served(two);
    }
    assert!(main.believes(one) && !main.believes(two));
    // Another one takes over.
    (0..100).for_each(|_| main.served(two));
    assert!(main.believes(two) && !main.believes(one));
    // Three alike: none.
    for _ in 0..100 {
        for source in [one, two, three] {
            main.served(source);
        }
    }
    assert!(
        ![one, two, three]
            .iter()
            .any(|source| main.believes(*source))
    );
}

#[test]
fn where_nothing_fails_elsewhere_the_plain_rule_holds() {
    let alone = Elsewhere::default();
    assert!(alone.convicts_run(1) && alone.convicts_share(20, 9, 0.5));
    assert!(!alone.convicts_share(20, 10, 0.5));
    assert!(!alone.convicts_share(20, 0, 0.0), "0 means never");
}

#[test]
fn chance_convicts_nobody() {
    let mut rng = fastrand::Rng::with_seed(7);
    for failing in [0.01, 0.1, 0.5, 0.9, 0.99, 1.0] {
        let elsewhere = Elsewhere {
            failing,
            is_common: false,
        };
        let (mut run, mut good, mut all) = (0, 0, 0);
        for _ in 0..100_000 {
            all += 1;
            if rng.f64() < failing {
                run += 1;
            } else {
                (run, good) = (0, good + 1);
            }
            let is_run = run >= 3 && elsewhere.convicts_run(run);
            assert!(!is_run, "{failing}: {run} in a row");
            assert!(
                !elsewhere.convicts_share(all, good, 0.5),
                "{failing}: {good} of {all}"
            );
            if all == 2_000 {
                (good, all) = (0, 0);
            }
        }
    }
}

#[test]
fn one_that_is_worse_than_the_others_is_found_while_they_fail_too() {
    for (failing, most) in [(0.01, 5), (0.1, 10), (0.5, 30), (0.9, 200)] {
        let elsewhere = Elsewhere {
            failing,
            is_common: false,
        };
        let run = (3..1_000).find(|run| elsewhere.convicts_run(*run)).unwrap();
        assert!(run <= most, "{failing}: {run}");
        let all = (20..1_000)
            .find(|all| elsewhere.convicts_share(*all, 0, 0.5))
            .unwrap();
        assert!(all <= 400, "{failing}: {all}");
    }
}
