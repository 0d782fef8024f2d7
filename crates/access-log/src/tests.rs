//! Lines in both formats.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{Entry, LONGEST_LINE, combined, json as json_lines, line::Line, stamp::Stamp};

fn usual() -> Entry<'static> {
    Entry {
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_964_645_007),
        request_id: b"r-1",
        trace_id: Some([0xab; 16]),
        client: Some("fleet"),
        remote: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)),
        method: Some("POST"),
        path: Some("/request_charge"),
        status: 200,
        code: None,
        outcome: "booked",
        substation: Some("north"),
        limit: None,
        load: Some(7.4),
        attempts: 2,
        has_key: Some(true),
        took: Duration::from_micros(12_345),
        queued: Duration::from_millis(2),
        upstream: Duration::from_micros(10_007),
        bytes_in: 17,
        bytes_out: 321,
        protocol: "HTTP/2.0",
        is_tls: true,
        referer: Some(b"https://example.org/"),
        user_agent: Some(b"curl/8"),
    }
}

fn unread() -> Entry<'static> {
    Entry {
        trace_id: None,
        client: None,
        remote: IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        method: None,
        path: None,
        status: 400,
        code: Some("invalid_request"),
        outcome: "invalid",
        substation: None,
        load: None,
        attempts: 0,
        has_key: None,
        bytes_out: 0,
        is_tls: false,
        protocol: "HTTP/1.1",
        referer: None,
        user_agent: None,
        ..usual()
    }
}

type Write = fn(&mut Line<'_>, &mut Stamp, &Entry<'_>);

fn written(write: Write, entry: &Entry<'_>) -> String {
    let mut room = [0; LONGEST_LINE];
    let mut line = Line::new(&mut room);
    write(&mut line, &mut Stamp::default(), entry);
    String::from_utf8(line.bytes().to_vec()).unwrap()
}

fn in_json(entry: &Entry<'_>) -> String {
    written(json_lines::write, entry)
}

fn in_combined(entry: &Entry<'_>) -> String {
    written(combined::write, entry)
}

#[test]
fn a_json_line_has_every_field_in_the_order_of_the_contract() {
    let line = in_json(&usual());
    assert_eq!(
        line,
        concat!(
            r#"{"time":"2026-11-29T15:04:05.007Z","request_id":"r-1","#,
            r#""trace_id":"abababababababababababababababab","client":"fleet","remote":"10.0.0.7","#,
            r#""method":"POST","path":"/request_charge","status":200,"code":null,"outcome":"booked","#,
            r#""substation":"north","limit":null,"load":7.4,"attempts":2,"idempotency_key":true,"#,
            r#""seconds":0.012345,"queue_seconds":0.002000,"upstream_seconds":0.010007,"#,
            r#""bytes_in":17,"bytes_out":321,"protocol":"HTTP/2.0","tls":true}"#,
            "\n"
        )
    );
    let keys = |entry| {
        let value: Value = serde_json::from_str(&in_json(&entry)).unwrap();
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(usual()), keys(unread()));
}

#[test]
fn what_is_not_known_is_null() {
    let line: Value = serde_json::from_str(&in_json(&unread())).unwrap();
    let nulls: Vec<_> = line
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(key, value)| value.is_null().then_some(key.as_str()))
        .collect();
    let mut expected = vec![
        "client",
        "idempotency_key",
        "limit",
        "load",
        "method",
        "path",
        "substation",
        "trace_id",
    ];
    expected.sort_unstable();
    let mut nulls = nulls;
    nulls.sort_unstable();
    assert_eq!(nulls, expected);
    assert_eq!(line["remote"], json!("::1"));
}

#[test]
fn a_load_that_is_no_number_is_null() {
    let line = in_json(&Entry {
        load: Some(f64::NAN),
        ..usual()
    });
    assert_eq!(
        serde_json::from_str::<Value>(&line).unwrap()["load"],
        Value::Null
    );
}

#[test]
fn the_combined_format_is_apaches_and_nothing_more() {
    assert_eq!(
        in_combined(&usual()),
        concat!(
            r#"10.0.0.7 - fleet [29/Nov/2026:15:04:05 +0000] "POST /request_charge HTTP/2.0" 200 321 "#,
            r#""https://example.org/" "curl/8""#,
            "\n"
        )
    );
    assert_eq!(
        in_combined(&unread()),
        "::1 - - [29/Nov/2026:15:04:05 +0000] \"-\" 400 - \"-\" \"-\"\n"
    );
}

#[test]
fn the_longest_line_fits_a_pipe_in_one_piece() {
    let long = "\u{1}".repeat(70_000);
    let entry = Entry {
        request_id: long.as_bytes(),
        client: Some(&long),
        method: Some(&long),
        path: Some(&long),
        code: Some("idempotency_key_reused"),
        outcome: "idempotency_key_reused",
        substation: Some(&long),
        limit: Some(&long),
        load: Some(0.1 + 0.2),
        attempts: usize::MAX,
        took: Duration::MAX,
        queued: Duration::MAX,
        upstream: Duration::MAX,
        bytes_in: usize::MAX,
        bytes_out: usize::MAX,
        referer: Some(long.as_bytes()),
        user_agent: Some(long.as_bytes()),
        remote: IpAddr::from([0xffff; 8]),
        ..usual()
    };
    let spaces = " ".repeat(70_000);
    for line in [
        in_json(&entry),
        in_combined(&entry),
        in_combined(&Entry {
            client: Some(&spaces),
            ..entry
        }),
    ] {
        // With as much to spare as the proxy's own words may grow.
        assert!(line.len() < LONGEST_LINE - 200, "{} bytes", line.len());
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
    }
}
