//! Rounds over real sockets.

use switchyard_balance::{Load, Reservation};

use super::*;
use crate::SubstationState;

mod rig;

use rig::{Reply, Rig, series};

const USUAL: &[(f64, &str)] = &[(20.0, "5"), (5.0, "7")];

#[tokio::test]
async fn a_sample_counts_once_and_is_as_old_as_it_is() {
    let rig = Rig::new(1, series(&[("s0", USUAL)]), "", "").await;
    rig.until("a sample", |rig| rig.samples(0) == 1).await;
    rig.rounds(3).await;
    assert_eq!(rig.samples(0), 1, "the same is no news");
    assert!((rig.load(0) - 7.0).abs() < 1e-9);
    assert!(rig.age(0) >= Duration::from_secs(5), "{:?}", rig.age(0));
    assert!((rig.metric("switchyard_load_query_scrape_interval_seconds") - 15.0).abs() < 0.01);
    // Three times that, and the five seconds that samples seem to travel.
    assert_eq!(rig.grid.stale_after().as_secs(), 50);
    assert_eq!(rig.grid.state_of(rig.substation(0)), SubstationState::Up);
    rig.reply(series(&[("s0", &[(5.0, "7"), (1.0, "9")])]));
    rig.until("a new sample", |rig| rig.samples(0) == 2).await;
    // What comes from a replica that is behind is no news.
    rig.reply(series(&[("s0", &[(16.0, "1"), (3.0, "2")])]));
    rig.rounds(3).await;
    assert_eq!((rig.samples(0), rig.load(0).round()), (2, 9.0));
    assert!(rig.grid.is_ready());
}

#[tokio::test]
async fn it_asks_for_what_reaches_back_for_two_of_prometheus_intervals() {
    let rig = Rig::new(1, series(&[("s0", USUAL)]), "", "").await;
    rig.until("a round", |rig| rig.asked() > 0).await;
    let question = rig.last_question();
    assert!(
        question.starts_with("GET /api/v1/query?timeout=300ms&query=load%5B300000ms%5D HTTP/1.1"),
        "{question}"
    );
    // Twice 15 s, 5 s of travel, 100 ms and 1 s.
    rig.until("a narrow one", |rig| {
        rig.last_question().contains("load%5B36")
    })
    .await;
}

#[tokio::test]
async fn addresses_and_names_match_and_what_does_not_is_counted() {
    let rig = Rig::new(3, Reply::Hang, "", "").await;
    let address = rig.substation(1).address().to_string();
    rig.reply(series(&[
        ("s0", &[(1.0, "1")]),
        (&address, &[(1.0, "2")]),
        ("10.0.0.9:9100", &[(1.0, "3")]),
    ]));
    rig.until("samples", |rig| rig.samples(0) + rig.samples(1) == 2)
        .await;
    rig.until("a look", |rig| {
        rig.metric("switchyard_load_query_series") > 2.0
    })
    .await;
    assert_eq!(
        rig.grid.state_of(rig.substation(2)),
        SubstationState::Unknown
    );
    let counted = ["unmatched_series", "missing_substations"]
        .map(|what| rig.metric(&format!("switchyard_load_query_{what}")));
    assert_eq!(counted.map(|count| count.to_string()), ["1", "1"]);
    let missing = "switchyard_load_polls_total{outcome=\"missing\",substation=\"s2\"}";
    assert!(rig.metric(missing) >= 1.0);
}

#[tokio::test]
async fn without_samples_the_ledgers_go_on_and_the_grid_is_ready_all_the_same() {
    let error = r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#;
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"s0"},"value":[1,"1"]}]}}"#;
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let success = |body: &str| Reply::Raw(200, body.to_owned());
    for (reply, outcome) in [
        (Reply::Hang, "timeout"),
        (Reply::Cut, "connect"),
        (series(&[]), "empty"),
        (Reply::Raw(422, error.to_owned()), "query"),
        (Reply::Raw(502, "<html>".to_owned()), "status"),
        (Reply::Raw(503, "<html>".to_owned()), "status"),
        (Reply::Raw(401, String::new()), "status"),
        (success("<html>"), "parse"),
        (success(vector), "parse"),
        (success(scalar), "parse"),
    ] {
        let rig = Rig::new(1, reply, "", "").await;
        rig.until(outcome, |rig| rig.ended(outcome) >= 2.0).await;
        assert!(rig.grid.is_ready(), "{outcome}");
        assert_eq!(rig.samples(0), 0);
        assert!(rig.grid.queries().unwrap().fault.is_some(), "{outcome}");
        rig.reply(series(&[("s0", USUAL)]));
        rig.until("a sample", |rig| rig.samples(0) == 1).await;
        assert_eq!(rig.grid.queries().unwrap().fault, None);
    }
}

#[tokio::test]
async fn what_is_no_load_and_what_is_ambiguous_moves_no_ledger() {
    let rig = Rig::new(1, series(&[("s0", USUAL)]), "", "").await;
    rig.until("a sample", |rig| rig.samples(0) == 1).await;
    let count = |rig: &Rig, outcome: &str| {
        rig.metric(&format!(
            "switchyard_load_polls_total{{outcome=\"{outcome}\",substation=\"s0\"}}"
        ))
    };
    for (reply, outcome) in [
        (series(&[("s0", &[(1.0, "NaN")])]), "parse"),
        (series(&[("s0", &[(1.0, "-1")])]), "parse"),
        (series(&[("s0", &[(1.0, "1e300")])]), "parse"),
        (series(&[("s0", &[(-60.0, "1")])]), "parse"),
        (
            series(&[("s0", &[(1.0, "1")]), ("s0", &[(1.0, "2")])]),
            "missing",
        ),
        (series(&[("other", &[(1.0, "1")])]), "missing"),
    ] {
        let before = count(&rig, outcome);
        rig.reply(reply);
        rig.until(outcome, |rig| count(rig, outcome) >= before + 2.0)
            .await;
        assert_eq!((rig.samples(0), rig.load(0).round()), (1, 7.0));
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_makes_samples_older_and_is_told_of() {
    let rig = Rig::new(1, Reply::Hang, "", "").await;
    rig.set_ahead(7.0);
    rig.reply(series(&[("s0", &[(16.0, "6"), (1.0, "7")])]));
    rig.until("a sample", |rig| rig.samples(0) == 1).await;
    let offset = rig.metric("switchyard_load_query_clock_offset_seconds");
    assert!((5.9..=7.0).contains(&offset), "{offset}");
    // It seems to be six seconds in the future.
    assert!(rig.age(0) >= Duration::from_secs(1), "{:?}", rig.age(0));
}

#[tokio::test]
async fn what_was_booked_since_the_sample_was_taken_counts_in_full() {
    let keys = "max_skew: 1s, capacity_query: capacity";
    let rig = Rig::new(2, Reply::Hang, keys, "").await;
    rig.capacities(series(&[("s0", &[(0.0, "100")]), ("s1", &[(0.0, "100")])]));
    rig.reply(series(&[("s0", &[(18.0, "4")]), ("s1", &[(18.0, "4")])]));
    rig.until("samples", |rig| rig.samples(0) + rig.samples(1) == 2)
        .await;
    let load = Load::new(10.0).unwrap();
    for at in [0, 1, 0, 1] {
        Reservation::of(Arc::clone(rig.substation(at)), load).booked();
    }
    let estimates = |rig: &Rig| [0, 1].map(|at| rig.substation(at).ledger().estimate());
    let both = |loads: [f64; 2]| loads.map(|units| Load::new(units).unwrap());
    assert_eq!(estimates(&rig), both([24.0, 24.0]));
    // These were read before all of that.
    rig.reply(series(&[("s0", &[(3.0, "14")]), ("s1", &[(3.0, "4")])]));
    rig.until("samples", |rig| rig.samples(0) + rig.samples(1) == 4)
        .await;
    assert_eq!(estimates(&rig), both([34.0, 24.0]));
    assert_eq!(rig.substation(0).ledger().capacity(), Load::new(100.0));
}

#[tokio::test]
async fn capacities_may_come_later_than_samples_and_their_query_may_fail() {
    let rig = Rig::new(1, series(&[("s0", USUAL)]), "capacity_query: capacity", "").await;
    for reply in [
        Reply::Hang,
        Reply::Cut,
        Reply::Raw(
            422,
            r#"{"status":"error","errorType":"a","error":"b"}"#.to_owned(),
        ),
    ] {
        rig.capacities(reply);
        rig.rounds(3).await;
        assert_eq!(rig.samples(0), 1);
        assert_eq!(rig.substation(0).ledger().capacity(), None);
    }
    rig.capacities(series(&[("s0", &[(0.0, "100")])]));
    rig.until("its capacity", |rig| {
        rig.substation(0).ledger().capacity() == Load::new(100.0)
    })
    .await;
    assert_eq!(rig.samples(0), 1, "the sample is the same");
}

#[tokio::test]
async fn a_substation_that_comes_by_a_reload_is_asked_for_at_once() {
    let both = [("s0", USUAL), ("s1", USUAL)];
    let mut rig = Rig::new(1, series(&both), "", "").await;
    rig.until("a sample", |rig| rig.samples(0) == 1).await;
    rig.add_substation().await;
    rig.until("a sample of the new one", |rig| rig.samples(1) == 1)
        .await;
    assert_eq!(rig.samples(0), 1, "the other one goes on as it was");
}

#[tokio::test]
async fn one_that_cannot_be_reached_is_down_without_a_charge() {
    let mut rig = Rig::new(
        2,
        series(&[("s0", USUAL), ("s1", USUAL)]),
        "",
        "health: {probe: 100ms}",
    )
    .await;
    rig.until("samples", |rig| rig.samples(0) + rig.samples(1) == 2)
        .await;
    rig.close_last();
    rig.until("it is down", |rig| {
        rig.grid.state_of(rig.substation(1)) == SubstationState::Down
    })
    .await;
    assert_eq!(rig.grid.state_of(rig.substation(0)), SubstationState::Up);
}
