//! What cars ask for beyond a load, in whole runs.

use std::time::Duration;

use crate::support::{answer, run, serve, steady};
use requester::{Html, Label, Labels, Load, Options, Summary};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn what_cars_ask_for_is_sent_and_counted_by_value_in_every_kind_of_load() {
    let (address, seen) = serve(|number| async move {
        match number % 4 {
            0 => answer(503, "", r#"{"error":{"code":"no_capacity"}}"#),
            1 => answer(422, "", r#"{"error":{"code":"no_match"}}"#),
            _ => answer(200, "substation1", "{}"),
        }
    })
    .await;
    let labels = Labels::new([
        Label::field("connector_type=ccs:0.5,type2:0.4,:0.1").unwrap(),
        Label::header("x-zone=a,b").unwrap(),
    ]);
    let options = Options {
        labels,
        ..steady(address, 400.0, SECOND)
    };
    let recorded: Vec<_> = options.offers().collect();
    let curve = run(options.clone()).await;
    let replay = run(Options {
        load: Load::Replay(recorded.into()),
        ..options
    })
    .await;
    assert_eq!(curve.labels.len(), 2);
    for report in [&curve, &replay] {
        for label in &report.labels {
            let sum =
                |of: fn(&requester::LabelCounts) -> u64| label.values.values().map(of).sum::<u64>();
            assert_eq!(sum(|counts| counts.offered), 400);
            assert_eq!(sum(|counts| counts.booked), 200);
            assert_eq!(sum(|counts| counts.refused), 100);
            assert_eq!(sum(|counts| counts.no_match), 100);
        }
        let offered = |report: &requester::Report| report.labels[0].values["ccs"].offered;
        assert_eq!(
            offered(report),
            offered(&curve),
            "the same cars ask for the same"
        );
        assert!(report.labels[0].values[""].offered.abs_diff(40) < 25);
    }
    let texts = seen.texts.lock().unwrap();
    let with = |what: &str| texts.iter().filter(|text| text.contains(what)).count() as u64;
    let asked = |value: &str| curve.labels[0].values[value].offered;
    assert_eq!(with(r#","connector_type":"ccs"}"#), 2 * asked("ccs"));
    assert_eq!(
        with(r#""connector_type""#),
        2 * (asked("ccs") + asked("type2"))
    );
    assert!(
        Summary(&curve)
            .to_string()
            .contains("connector_type=(none)")
    );
    assert!(Html(&curve).to_string().contains("x-zone: b"));
}
