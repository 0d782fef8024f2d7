//! Labels as they are written, drawn and sent.

use super::*;

fn car(number: u64) -> Vehicle {
    Vehicle {
        run: 7,
        number,
        power_kw: 11.0,
        energy_kwh: 20.0,
        malformed: None,
        unplug_after: None,
    }
}

fn body(labels: &Labels, number: u64) -> serde_json::Value {
    let mut text = String::new();
    labels.write_body(&car(number), &mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn values_come_as_often_as_their_weights_say() {
    let label = Label::field("connector_type=ccs:0.6,type2:0.3,:0.1,chademo:0").unwrap();
    let mut counts = [0_u32; 4];
    for number in 1..=20_000 {
        counts[label.draw(&car(number))] += 1;
    }
    for (count, expected) in counts.into_iter().zip([12_000_u32, 6000, 2000, 0]) {
        assert!(count.abs_diff(expected) < 300, "{counts:?}");
    }
}

#[test]
fn a_label_is_drawn_by_seed_name_and_number_alone() {
    let zone = Label::header("x-zone=a,b,c").unwrap();
    let field = Label::field("x-zone=a,b,c").unwrap();
    let other = |number| Vehicle {
        run: 8,
        ..car(number)
    };
    let draws = |label: &Label, car: &dyn Fn(u64) -> Vehicle| -> Vec<usize> {
        (1..=200).map(|number| label.draw(&car(number))).collect()
    };
    assert_eq!(draws(&zone, &car), draws(&zone.clone(), &car));
    assert_ne!(draws(&zone, &car), draws(&zone, &other), "another seed");
    assert_ne!(draws(&zone, &car), draws(&field, &car), "another label");
}

#[test]
fn a_field_is_sent_as_number_truth_or_text() {
    let labels = Labels::new([
        Label::field("minimum=150").unwrap(),
        Label::field("roof=true").unwrap(),
        Label::field(r#"plug "x"=ccs: 2:1"#).unwrap(),
        Label::field("left_out=:1").unwrap(),
    ]);
    let sent = body(&labels, 3);
    assert_eq!(sent["minimum"], 150);
    assert_eq!(sent["roof"], true);
    assert_eq!(sent[r#"plug "x""#], "ccs: 2");
    assert_eq!(sent["power_kw"], 11);
    assert!(sent.get("left_out").is_none());
    assert_eq!(body(&Labels::default(), 3)["vehicle_id"], "ev-7-3");
}

#[test]
fn headers_are_sent_beside_the_body() {
    let labels = Labels::new([
        Label::header("X-Zone=a").unwrap(),
        Label::header("x-none=").unwrap(),
    ]);
    let mut headers = HeaderMap::new();
    labels.insert_headers(&car(1), &mut headers);
    assert_eq!(headers["x-zone"], "a");
    assert!(!headers.contains_key("x-none"));
}

#[test]
fn a_malformed_request_has_no_fields() {
    let labels = Labels::new([Label::field("a=1").unwrap()]);
    let mut text = String::new();
    let malformed = Vehicle {
        malformed: Some(crate::vehicle::Malformed::NoObject),
        ..car(1)
    };
    labels.write_body(&malformed, &mut text).unwrap();
    assert!(text.starts_with('['), "{text}");
}

#[test]
fn what_is_wrong_is_said() {
    for (text, fault) in [
        ("connector", "must be NAME=VALUE:WEIGHT"),
        ("=a", "must be NAME=VALUE:WEIGHT"),
        ("a=b:often", "must be a number from 0 up"),
        ("a=b:-1", "must be a number from 0 up"),
        ("a=b:inf", "must be a number from 0 up"),
        ("a=b,b", "is there twice"),
        ("a=b:0", "must be above 0"),
        ("power_kw=11", "is in every request already"),
    ] {
        let error = Label::field(text).unwrap_err();
        assert!(error.contains(fault), "{text}: {error}");
    }
    for (text, fault) in [
        ("x zone=a", "is not the name of a header"),
        ("Host=a", "is set by the load generator itself"),
        ("x-zone=\u{7f}", "can't be the value of a header"),
    ] {
        let error = Label::header(text).unwrap_err();
        assert!(error.contains(fault), "{text}: {error}");
    }
}

#[test]
fn a_field_and_a_header_may_share_a_name_and_two_fields_may_not() {
    let field = |text| Label::field(text).unwrap();
    let header = |text| Label::header(text).unwrap();
    assert!(
        Labels::new([field("zone=a"), header("zone=a")])
            .check()
            .is_ok()
    );
    assert!(
        Labels::new([field("zone=a"), field("zone=b")])
            .check()
            .is_err()
    );
    assert!(
        Labels::new([header("zone=a"), header("Zone=b")])
            .check()
            .is_err()
    );
}
