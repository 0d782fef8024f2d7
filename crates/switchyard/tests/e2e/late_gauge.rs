//! Gauges that show bookings late (`load.visibility_lag`).

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use switchyard_faults::{
    Act, Scripted,
    fault::{booked, page},
};

use crate::rig::{Proxy, until};

/// Books 11 kW per charge, and shows each on its gauge after this delay.
fn late(by: Duration) -> Scripted {
    let bookings = Arc::new(Mutex::new(Vec::<Instant>::new()));
    Scripted::start(move |head| {
        let mut bookings = bookings.lock().unwrap();
        Act::Write(if head.starts_with("GET") {
            let shown = bookings.iter().filter(|at| at.elapsed() >= by).count();
            page(&format!("substation_current_load {}\n", 11 * shown))
        } else {
            bookings.push(Instant::now());
            booked()
        })
    })
}

fn full() -> Scripted {
    Scripted::start(|head| {
        Act::Write(if head.starts_with("GET") {
            page("substation_current_load 110\n")
        } else {
            booked()
        })
    })
}

fn polls(proxy: &Proxy) -> f64 {
    proxy.metric("switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}")
}

#[test]
fn bookings_that_a_late_gauge_does_not_show_yet_are_not_forgotten_at_the_next_sample() {
    let all = [late(Duration::from_hours(1)), full()];
    let addresses = all.each_ref().map(|substation| substation.address);
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms, visibility_lag: 10m}");
    for _ in 0..15 {
        let before = polls(&proxy);
        for _ in 0..2 {
            assert_eq!(proxy.charge("").status, 200);
        }
        until("samples that know nothing of it", || {
            (polls(&proxy) >= before + 2.0).then_some(())
        });
    }
    // Loads of 0 and 110 kW take 30 charges of 11 kW: 220 kW each. Without the lag the first would get all of them.
    let [empty, full] = all.map(|substation| substation.charges().len());
    assert_eq!(empty + full, 30);
    assert!(empty.abs_diff(20) <= 1, "{empty} and {full}");
}

#[test]
fn once_a_late_gauge_shows_a_booking_it_is_counted_once() {
    let substation = late(Duration::from_millis(100));
    let proxy = Proxy::start(
        &[substation.address],
        "load: {interval: 20ms, timeout: 100ms, visibility_lag: 1s}",
    );
    for _ in 0..10 {
        assert_eq!(proxy.charge("").status, 200);
    }
    let numbers = || {
        let status = proxy.status();
        let of = |key: &str| status["substations"][0][key].as_f64().unwrap();
        (of("estimated_load"), of("current_load"), of("unseen_load"))
    };
    until("the end of the lag", || {
        let (estimate, shown, unseen) = numbers();
        assert!(estimate >= 110.0, "never less than there is: {estimate}");
        (shown == 110.0 && unseen == 0.0).then_some(())
    });
}
