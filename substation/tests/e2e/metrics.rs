//! The page for Prometheus: its series, and that they are correct when it is read.

use crate::support::{Running, get, post};

#[tokio::test]
async fn a_fresh_substation_shows_every_series_at_zero() {
    let running = Running::of(250.0).await;
    let page = running.ask(&get("/metrics")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(page.metric("substation_capacity"), 250.0);
    assert_eq!(page.metric("substation_power_limit_watts"), 250_000.0);
    for series in [
        "substation_current_load",
        "substation_power_watts",
        "substation_active_sessions",
        "substation_sessions_started_total",
        r#"substation_sessions_ended_total{reason="completed"}"#,
        r#"substation_sessions_ended_total{reason="cancelled"}"#,
        r#"substation_sessions_ended_total{reason="fault"}"#,
        r#"substation_charge_requests_total{result="accepted"}"#,
        r#"substation_charge_requests_total{result="no_capacity"}"#,
        r#"substation_charge_requests_total{result="invalid"}"#,
        r#"substation_charge_requests_total{result="draining"}"#,
        "substation_energy_delivered_joules_total",
        "substation_session_duration_seconds_sum",
        "substation_session_duration_seconds_count",
        r#"substation_session_duration_seconds_bucket{le="+Inf"}"#,
    ] {
        assert_eq!(page.metric(series), 0.0, "{series}");
    }
    assert!(page.body.contains("substation_build_info{revision="));
    if cfg!(target_os = "linux") {
        assert!(page.metric("process_cpu_seconds_total") > 0.0);
        assert!(page.metric("process_resident_memory_bytes") > 1e6);
        assert!(page.metric("process_open_fds") > 3.0);
        assert!(page.metric("process_start_time_seconds") > 1e9);
    }
}

#[tokio::test]
async fn each_family_is_explained_once_and_says_its_unit() {
    let page = Running::of(250.0).await.ask(&get("/metrics")).await;
    let of = |prefix: &str| -> Vec<String> {
        let lines = page
            .body
            .lines()
            .filter_map(|line| line.strip_prefix(prefix));
        lines
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let (helps, types) = (of("# HELP "), of("# TYPE "));
    assert_eq!(helps, types);
    let mut unique = helps.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), helps.len());
    assert!(helps.len() >= 11, "{helps:?}");
    for (name, unit) in [
        ("current_load", "kW"),
        ("capacity", "kW"),
        ("power_watts", "watts"),
    ] {
        let start = format!("# HELP substation_{name} ");
        let help = page
            .body
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap();
        assert!(help.contains(unit), "{help}");
    }
}

#[tokio::test]
async fn the_gauge_counts_a_session_when_its_answer_leaves() {
    let running = Running::of(10_000.0).await;
    let (mut booking, mut scraping) = (running.client().await, running.client().await);
    for number in 1..=200 {
        let booked = booking.ask(&post(r#"{"power_kw":3.7}"#)).await.json();
        let page = scraping.ask(&get("/metrics")).await;
        assert_eq!(
            booked["current_load"],
            page.metric("substation_current_load")
        );
        assert_eq!(page.metric("substation_active_sessions"), f64::from(number));
    }
    assert_eq!(running.metric("substation_current_load").await, 740.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_bookings_are_all_counted_and_never_pass_the_capacity() {
    let running = Running::of(370.0).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut client = running.client().await;
        clients.spawn(async move {
            let mut booked = 0;
            for _ in 0..25 {
                let answer = client.ask(&post(r#"{"power_kw":3.7}"#)).await;
                if answer.status == 200 {
                    assert!(answer.json()["current_load"].as_f64().unwrap() <= 370.0);
                    booked += 1;
                } else {
                    assert_eq!(answer.code(), "no_capacity");
                }
            }
            booked
        });
    }
    let booked: u32 = clients.join_all().await.into_iter().sum();
    assert_eq!(booked, 100);
    let page = running.ask(&get("/metrics")).await;
    assert_eq!(page.metric("substation_current_load"), 370.0);
    assert_eq!(
        page.metric(r#"substation_charge_requests_total{result="accepted"}"#),
        100.0
    );
    assert_eq!(
        page.metric(r#"substation_charge_requests_total{result="no_capacity"}"#),
        100.0
    );
}
