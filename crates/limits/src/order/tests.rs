use super::*;

fn wall() -> Timestamp {
    Timestamp::read("2026-12-01T12:00:00Z").unwrap()
}

fn read(body: &str) -> Result<Order, String> {
    Order::read(body.as_bytes(), wall())
}

#[test]
fn an_order_has_a_value_a_source_and_perhaps_more() {
    let short = read(r#"{"value": 200, "source": "dso"}"#).unwrap();
    let same = Order {
        value: Load::new(200.0).unwrap(),
        source: "dso".into(),
        from: None,
        until: None,
        failsafe: None,
    };
    assert_eq!(short, same);
    let nulls = r#"{"source": "dso", "value": 2e2, "from": null, "until": null, "fallback": null, "heartbeat": null}"#;
    assert_eq!(read(nulls), Ok(same));
    let whole = read(
        r#" {"value": 0, "source": "Stadtwerke Süd", "from": "2026-12-01T17:00:00.5+01:00",
             "until": "2027-01-01T00:00:00Z", "fallback": 4.2, "heartbeat": "1m 30s"} "#,
    )
    .unwrap();
    assert_eq!(whole.value, Load::ZERO);
    assert_eq!(&*whole.source, "Stadtwerke Süd");
    assert_eq!(
        whole.from.unwrap().to_string(),
        "2026-12-01T17:00:00.5+01:00"
    );
    let failsafe = Failsafe {
        fallback: Load::new(4.2).unwrap(),
        heartbeat: Duration::from_secs(90),
    };
    assert_eq!(whole.failsafe, Some(failsafe));
    // A fallback above the value is the source's own affair: it may close for now and allow a little when it is lost.
    assert!(read(r#"{"value": 0, "source": "x", "fallback": 4.2, "heartbeat": "60s"}"#).is_ok());
    // What has begun long ago is in force at once.
    assert!(read(r#"{"value": 1, "source": "x", "from": "2001-01-01T00:00:00Z"}"#).is_ok());
}

#[test]
fn whatever_else_is_refused_with_the_rule() {
    let long = format!(r#"{{"value": 1, "source": "{}"}}"#, "ü".repeat(101));
    for (body, rule) in [
        ("", "it is no object"),
        ("null", "it is no object"),
        (r#"[200, "dso", null, null, null, null]"#, "it is no object"),
        (
            "{}",
            "value: is missing, and needed; source: is missing, and needed",
        ),
        (r#"{"value": 1, "source": "x""#, "is not JSON"),
        (r#"{"value": 1, "source": "x"} {}"#, "trailing characters"),
        (
            r#"{"value": 1, "value": 2, "source": "x"}"#,
            "duplicate field `value`",
        ),
        (
            r#"{"value": 1, "source": "x", "unit": "kW"}"#,
            "unknown field `unit`",
        ),
        (
            r#"{"value": "200", "source": "x"}"#,
            "value: must be a number, not text in quotes",
        ),
        (r#"{"value": null, "source": "x"}"#, "value: is missing"),
        (
            r#"{"value": [1], "source": "x"}"#,
            "value: must be a number, not a list",
        ),
        (
            r#"{"value": -1, "source": "x"}"#,
            "value: -1 must be from 0",
        ),
        (r#"{"value": 4.1e12, "source": "x"}"#, "to 4e12"),
        (r#"{"value": 1e999, "source": "x"}"#, "number out of range"),
        (r#"{"value": NaN, "source": "x"}"#, "is not JSON"),
        (
            r#"{"value": 1, "source": ""}"#,
            "source: has 0 characters; it must have 1 to 100",
        ),
        (r#"{"value": 1, "source": "  "}"#, "not only blanks"),
        (
            r#"{"value": 1, "source": " x"}"#,
            "must not begin or end with a blank",
        ),
        (
            r#"{"value": 1, "source": "a\nb"}"#,
            "source: must be one line",
        ),
        (
            r#"{"value": 1, "source": 7}"#,
            "source: must be text in quotes, not a number",
        ),
        (&long, "source: has 101 characters"),
    ] {
        refuses(body, rule);
    }
}

fn refuses(body: &str, rule: &str) {
    let refused = read(body).unwrap_err();
    assert!(refused.contains(rule), "{body}: {refused}");
}

#[test]
fn times_and_silence_are_refused_with_the_rule() {
    for (body, rule) in [
        (
            r#"{"value": 1, "source": "x", "from": 1796148000}"#,
            "from: must be text in quotes",
        ),
        (
            r#"{"value": 1, "source": "x", "until": "18:00"}"#,
            "until: \"18:00\" is no time as RFC 3339",
        ),
        (
            r#"{"value": 1, "source": "x", "until": "2026-12-01T13:00:00+01:00"}"#,
            "until: 2026-12-01T13:00:00+01:00 is over: it is 2026-12-01T12:00:00Z here",
        ),
        (
            r#"{"value": 1, "source": "x", "from": "2026-12-02T00:00:00Z", "until": "2026-12-02T00:00:00Z"}"#,
            "until: 2026-12-02T00:00:00Z must be after from, 2026-12-02T00:00:00Z",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1}"#,
            "heartbeat: is missing",
        ),
        (
            r#"{"value": 1, "source": "x", "heartbeat": "60s"}"#,
            "fallback: is missing",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": -1, "heartbeat": "1s"}"#,
            "fallback: -1 must",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1, "heartbeat": 60}"#,
            "heartbeat: 60 needs its unit",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1, "heartbeat": "60"}"#,
            "heartbeat: \"60\" is no duration",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1, "heartbeat": "0s"}"#,
            "must be more than 0 and at most 24h",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1, "heartbeat": "25h"}"#,
            "at most 24h",
        ),
        (
            r#"{"value": 1, "source": "x", "fallback": 1, "heartbeat": "5124095576030431h15s1000ms"}"#,
            "is no duration",
        ),
    ] {
        refuses(body, rule);
    }
    let many = r#"{"value": -1, "source": "", "until": "soon", "fallback": 1}"#;
    let all = read(many).unwrap_err();
    assert_eq!(all.matches("; ").count(), 4, "all at once: {all}");
    let huge = format!(r#"{{"{}": 1}}"#, "a".repeat(1 << 20));
    assert!(read(&huge).unwrap_err().len() < 3_000);
    assert!(Order::read(b"{\"value\": 1, \"source\": \"\xff\"}", wall()).is_err());
}

#[test]
fn a_heartbeat_names_its_source_and_nothing_else() {
    assert_eq!(&*read_heartbeat(br#"{"source": "dso"}"#).unwrap(), "dso");
    for (body, rule) in [
        ("", "it is no object"),
        ("{}", "source: is missing"),
        (r#"["dso"]"#, "it is no object"),
        (r#"{"source": null}"#, "source: is missing"),
        (r#"{"source": "dso", "value": 5}"#, "unknown field `value`"),
        (r#"{"source": "dso", "source": "x"}"#, "duplicate field"),
    ] {
        let refused = read_heartbeat(body.as_bytes()).unwrap_err();
        assert!(refused.contains(rule), "{body}: {refused}");
    }
}
