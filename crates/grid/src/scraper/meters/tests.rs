//! Meters over real sockets.

mod rig;

use switchyard_config::Config;
use switchyard_telemetry::Registrar;

use super::*;
use crate::{clock::Clock, feeders::FeederState, metrics::GridMetrics};
use rig::{Gauge, Rig, load, samples, until};

const NORTH: &str = "substations: [{name: north, address: 127.0.0.1:1, feeder: f8}]";

/// One feeder with a meter at this address.
fn f8(address: std::net::SocketAddr, rest: &str) -> String {
    format!(
        "feeders: [{{name: f8, load: {{address: \"{address}\", metric: power{rest}}}}}]\n{NORTH}"
    )
}

#[tokio::test]
async fn several_feeders_read_their_series_of_one_page() {
    let page = "feeder_power_kw{feeder=\"7\"} 70\nfeeder_power_kw{feeder=\"8\"} 80\n\
                feeder_limit_kw{feeder=\"7\"} 700\nfeeder_limit_kw{feeder=\"8\"} 800\n";
    let gauge = Gauge::of(page).await;
    let address = gauge.address;
    let feeder = |number: u8, rest: &str| {
        format!(
            "- name: f{number}\n  load: {{address: \"{address}\", metric: 'feeder_power_kw{{feeder=\"{number}\"}}', \
             capacity_metric: 'feeder_limit_kw{{feeder=\"{number}\"}}'}}\n{rest}"
        )
    };
    let rig = Rig::new(&format!(
        "load: {{interval: 50ms, timeout: 40ms}}\nfeeders:\n{}{}{NORTH}",
        feeder(7, ""),
        feeder(8, "  capacity: 8\n")
    ));
    until("both have samples", || {
        rig.current("f7").is_some() && rig.current("f8").is_some()
    })
    .await;
    assert_eq!(
        (rig.current("f7"), rig.current("f8")),
        (Some(70.0), Some(80.0))
    );
    let capacity = |name: &str| rig.feeder(name).balance().capacity();
    assert_eq!(capacity("f7"), Some(load(700.0)));
    assert_eq!(
        capacity("f8"),
        Some(load(8.0)),
        "the configured one goes before the gauge's"
    );
    assert_eq!(
        (rig.state("f7"), rig.state("f8")),
        (FeederState::Up, FeederState::Up)
    );
    assert_eq!(
        rig.line("switchyard_feeder_load{feeder=\"f7\"}").as_deref(),
        Some("70")
    );
    assert_eq!(
        rig.line("switchyard_feeder_up{feeder=\"f8\"}").as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn a_meter_that_hangs_delays_no_other_and_no_substation() {
    let (silent, other) = (Gauge::of("").await, Gauge::of("power 3\n").await);
    let substation = Gauge::of("substation_current_load 7\n").await;
    let rig = Rig::new(&format!(
        "load: {{interval: 50ms, timeout: 40ms}}\n\
         feeders:\n- {{name: hung, load: {{address: \"{}\", metric: power, timeout: 1m}}}}\n\
         - {{name: f8, load: {{address: \"{}\", metric: power}}}}\n\
         substations: [{{name: north, address: \"{}\", feeder: f8}}]",
        silent.address, other.address, substation.address
    ));
    let f8 = rig.feeder("f8");
    let grid = rig.grid();
    let of_north = || grid.substations()[0].ledger().last_sample();
    until("others bring samples", || {
        samples(&f8) >= 5 && of_north().is_some_and(|sample| sample.number >= 5)
    })
    .await;
    assert_eq!(silent.scrapes(), 1, "one scrape of it is under way");
    assert_eq!(rig.state("hung"), FeederState::Unknown);
    assert!(grid.is_ready());
}

#[tokio::test]
async fn a_meter_has_its_own_interval() {
    let (often, rarely) = (Gauge::of("power 1\n").await, Gauge::of("power 2\n").await);
    let rig = Rig::new(&format!(
        "load: {{interval: 5m, timeout: 100ms, stale_after: 20m}}\n\
         feeders:\n- {{name: often, load: {{address: \"{}\", metric: power, interval: 20ms, timeout: 10ms}}}}\n\
         - {{name: rarely, load: {{address: \"{}\", metric: power}}}}\n{NORTH}",
        often.address, rarely.address
    )
    .replace("feeder: f8", "feeder: often"));
    let feeder = rig.feeder("often");
    until("it brings samples", || samples(&feeder) >= 5).await;
    assert_eq!(rarely.scrapes(), 1);
    assert_eq!(rig.current("rarely"), Some(2.0));
}

#[tokio::test]
async fn a_meter_that_vanishes_leaves_its_load_and_comes_back() {
    let gauge = Gauge::of("power 9\n").await;
    let address = gauge.address;
    let yaml = format!(
        "load: {{interval: 30ms, timeout: 20ms, stale_after: 60ms}}\n{}",
        f8(address, ", capacity_metric: most")
    );
    gauge.says("power 9\nmost 10\n");
    let rig = Rig::new(&yaml);
    until("it is read", || rig.state("f8") == FeederState::Up).await;
    gauge.vanish().await;
    until("it is down", || rig.state("f8") == FeederState::Down).await;
    let feeder = rig.feeder("f8");
    assert_eq!(rig.current("f8"), Some(9.0));
    assert!(
        feeder.balance().is_full_for(load(1.1)),
        "its load is still there"
    );
    // It is closed until its substations have been asked.
    until("it is open", || !feeder.balance().is_full_for(load(0.9))).await;
    assert_eq!(
        rig.line("switchyard_feeder_up{feeder=\"f8\"}").as_deref(),
        Some("0")
    );
    let counted = rig.line("switchyard_feeder_polls_total{feeder=\"f8\",outcome=\"connect\"}");
    assert_ne!(counted.as_deref(), Some("0"));
    let _back = Gauge::at(address, "power 4\nmost 10\n").await;
    until("it is up again", || rig.state("f8") == FeederState::Up).await;
    assert_eq!(rig.current("f8"), Some(4.0));
}

#[tokio::test]
async fn what_is_no_load_is_no_sample_and_is_counted() {
    let gauge = Gauge::of("power 9\n").await;
    let yaml = format!(
        "load: {{interval: 30ms, timeout: 20ms, stale_after: 60ms}}\n{}",
        f8(gauge.address, "")
    );
    let rig = Rig::new(&yaml);
    until("it is read", || rig.current("f8") == Some(9.0)).await;
    for (lie, outcome) in [
        ("power NaN\n", "parse"),
        ("power -5\n", "parse"),
        ("power 1e300\n", "parse"),
        ("power{a=\"1\"} 1\npower{a=\"2\"} 2\n", "missing"),
        ("other 1\n", "missing"),
    ] {
        let counter =
            format!("switchyard_feeder_polls_total{{feeder=\"f8\",outcome=\"{outcome}\"}}");
        let before = rig.line(&counter);
        gauge.says(lie);
        until(lie, || rig.line(&counter) != before).await;
        assert_eq!(rig.current("f8"), Some(9.0), "{lie}");
    }
    until("it is stale", || rig.state("f8") == FeederState::Stale).await;
}

#[tokio::test]
async fn a_meter_that_moves_goes_on_and_is_read_at_once_even_if_it_hung() {
    let (hung, next) = (Gauge::of("power 9\n").await, Gauge::of("power 5\n").await);
    let timing = "load: {interval: 5m, timeout: 100ms, stale_after: 20m}\n";
    let rig = Rig::new(&format!("{timing}{}", f8(hung.address, "")));
    until("it is read", || rig.current("f8") == Some(9.0)).await;
    let feeder = rig.feeder("f8");
    // Another path of the same page: it is due at once, and hangs.
    hung.says("");
    rig.reload(&format!("{timing}{}", f8(hung.address, ", path: /other")));
    until("it is asked", || hung.scrapes() == 2).await;
    assert_eq!(rig.current("f8"), Some(9.0));
    rig.reload(&format!("{timing}{}", f8(next.address, "")));
    assert!(Arc::ptr_eq(&feeder, &rig.feeder("f8")));
    until("it is read elsewhere", || rig.current("f8") == Some(5.0)).await;
    assert_eq!(next.scrapes(), 1);
}

#[tokio::test]
async fn another_series_begins_anew_and_the_limit_stays() {
    let gauge = Gauge::of("power 9\nreserve 3\n").await;
    let timing = "load: {interval: 5m, timeout: 1m, stale_after: 20m}\n";
    let yaml = format!("{timing}{}", f8(gauge.address, ""));
    let rig = Rig::new(&yaml);
    until("it is read", || rig.current("f8") == Some(9.0)).await;
    rig.grid().set_limit("f8", Some(load(20.0)));
    gauge.says("");
    rig.reload(&yaml.replace("metric: power", "metric: reserve"));
    assert_eq!(rig.current("f8"), None, "the value was of something else");
    assert_eq!(rig.state("f8"), FeederState::Unknown);
    assert_eq!(rig.feeder("f8").balance().limit(), Some(load(20.0)));
    assert!(rig.feeder("f8").balance().is_full_for(load(21.0)));
}

#[tokio::test]
async fn with_a_lag_what_was_just_booked_is_not_taken_for_shown() {
    let gauge = Gauge::of("power 0\n").await;
    let rig = Rig::new(&format!(
        "load: {{interval: 30ms, timeout: 20ms, visibility_lag: 10s, stale_after: 1m}}\n{}",
        f8(gauge.address, "")
    ));
    until("it is read", || rig.current("f8") == Some(0.0)).await;
    let feeder = rig.feeder("f8");
    let north = Arc::clone(&rig.grid().substations()[0]);
    switchyard_balance::Reservation::of(north, load(11.0)).booked();
    let before = samples(&feeder);
    until("more samples come", || samples(&feeder) > before + 3).await;
    assert_eq!(feeder.balance().estimate(), load(11.0));
}

#[tokio::test]
async fn ten_thousand_meters_are_not_read_at_one_moment() {
    let mut rng = Rng::with_seed(1);
    let gauge = Gauge::of("power 1\n").await;
    let config = Config::from_yaml(&f8(gauge.address, ""), "test").unwrap();
    let registry = prometheus::Registry::new();
    let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
    let grid = Grid::new(&config, &metrics, Clock::start(), 1).unwrap();
    let settings = grid.feeders()[0].metered().unwrap().0.settings();
    let now = Instant::now();
    let mut seconds: Vec<_> = (0..10_000)
        .map(|_| {
            let mut place = Place {
                feeder: Arc::clone(&grid.feeders()[0]),
                settings: Arc::clone(&settings),
                turn: None,
                slot: None,
            };
            place.begin_turn(now, &mut rng);
            place.next_turn(&mut rng) - now
        })
        .collect();
    seconds.sort();
    let interval = settings.interval;
    assert!(seconds[0] >= interval / 2 && seconds[9_999] <= interval.mul_f64(1.0 + JITTER));
    // No tenth of the time has more than a quarter of them.
    for from in seconds
        .windows(2_500)
        .map(|window| window[2_499].saturating_sub(window[0]))
    {
        assert!(from > interval / 10, "{from:?}");
    }
}
