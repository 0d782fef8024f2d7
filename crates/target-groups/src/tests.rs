mod labels;

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn found(text: &str, format: Format) -> Vec<Found> {
    let targets = parse(text.as_bytes(), format).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let found = targets.into_iter().map(|target| target.found(|_| None));
    found.map(Option::unwrap).collect()
}

fn refusal(text: &str) -> String {
    parse(text.as_bytes(), Format::Yaml)
        .unwrap_err()
        .to_string()
}

#[test]
fn json_and_yaml_read_the_same_keys_and_labels() {
    let json = r#"[
        {"targets": ["10.0.0.1:5001"], "labels": {"name": "north", "capacity": "500", "drain": "true", "job": "x", "__meta": "y", "feeder": "f7", "scheme": "https", "a.b": "c", "more": {}}},
        {"targets": ["10.0.0.2:5001", "[fd00::1]:5001"], "labels": {"capacity": "2.5", "drain": "false"}},
        {"targets": []}, {"targets": null, "labels": null}
    ]"#;
    let yaml = "
- targets: [10.0.0.1:5001]
  labels: {name: north, capacity: 500, drain: true, job: x, feeder: f7, scheme: https, __meta: y, a.b: c, more: {than: prometheus takes}}
- targets: ['10.0.0.2:5001', '[fd00::1]:5001']
  labels: {capacity: 2.5}
";
    let one = |name: &str, is_named, address: &str, capacity| Found {
        name: name.to_owned(),
        is_named,
        address: address.parse().unwrap(),
        host: None,
        capacity: Some(capacity),
        feeder: (name == "north").then(|| "f7".to_owned()),
        labels: (name == "north")
            .then(|| ("job".to_owned(), "x".to_owned()))
            .into_iter()
            .collect(),
        tls: if name == "north" {
            SubstationTls::On { server_name: None }
        } else {
            SubstationTls::AsUpstream
        },
        drain: name == "north",
    };
    let expected = [
        one("north", true, "10.0.0.1:5001", 500.0),
        one("10.0.0.2:5001", false, "10.0.0.2:5001", 2.5),
        one("[fd00::1]:5001", false, "[fd00::1]:5001", 2.5),
    ];
    assert_eq!(found(json, Format::Json), expected);
    assert_eq!(found(yaml, Format::Yaml), expected);
    for (empty, format) in [
        ("[]", Format::Json),
        ("null", Format::Json),
        ("", Format::Yaml),
    ] {
        assert_eq!(found(empty, format), []);
    }
}

#[test]
fn a_host_keeps_its_name_and_gets_the_address_that_is_known() {
    let target = || {
        let targets = parse(b"- targets: ['a.example:5001']", Format::Yaml);
        targets.unwrap().remove(0)
    };
    assert_eq!(target().name_to_look_up(), Some("a.example"));
    let known = |name: &str| (name == "a.example").then(|| "10.0.0.1".parse().unwrap());
    let found = target().found(known).unwrap();
    assert_eq!(found.address, "10.0.0.1:5001".parse().unwrap());
    assert_eq!(found.host.as_deref(), Some("a.example:5001"));
    assert_eq!(found.name, "a.example:5001");
    assert_eq!(target().found(|_| None), None);
}

#[test]
fn each_fault_is_named_with_its_place_and_rule() {
    let text = "
- targets: [10.0.0.1, 'http://10.0.0.1:1', '10.0.0.1:0', 'a b:1', '0.0.0.0:1']
  labels: {name: north, capacity: much}
- targets: ['10.0.0.2:1']
  labels: {name: north pole, capacity: -1}
- targets: ['10.0.0.3:1']
  labels: {capacity: 5e12, drain: 'yes', scheme: ftp}
- targets: ['255.255.255.255:1', '[ff02::1]:1']
";
    let error = parse(text.as_bytes(), Format::Yaml).unwrap_err();
    let Malformed::Faults(faults) = &error else {
        panic!("{error}")
    };
    let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let expected = [
        r#"[0].labels.name: "north": stands for 5 targets: give each its own group, or leave the label out"#,
        r#"[0].labels.capacity: "much": must be a number above 0, and finite"#,
        r#"[0].targets[0]: "10.0.0.1": needs a port, as in 10.0.0.1:5001"#,
        r#"[0].targets[1]: "http://10.0.0.1:1": must be host and port alone, without a scheme or a path, as in 127.0.0.1:5001"#,
        r#"[0].targets[2]: "10.0.0.1:0": needs the port that it listens on, not 0"#,
        r#"[0].targets[3]: "a b:1": must be a name that DNS knows: letters, digits, '-' and '_', with '.' between its parts"#,
        r#"[0].targets[4]: "0.0.0.0:1": is an address to listen on, not to connect to, as 127.0.0.1 is"#,
        r#"[1].labels.name: "north pole": must be 1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit"#,
        r#"[1].labels.capacity: "-1": must be a number above 0, and finite"#,
        r#"[2].labels.capacity: "5e12": must be at most 4e12: use a larger unit here and in the load gauge, as gigabytes in place of bytes"#,
        r#"[2].labels.drain: "yes": must be true or false"#,
        r#"[2].labels.scheme: "ftp": must be http or https"#,
        r#"[3].targets[0]: "255.255.255.255:1": is the broadcast address, at which there is nobody to connect to"#,
        r#"[3].targets[1]: "[ff02::1]:1": is a multicast address, at which there is nobody to connect to"#,
    ];
    assert_eq!(shown, expected);
    // A log line names the first few.
    assert!(error.to_string().ends_with("; and 9 more"), "{error}");
}

#[test]
fn the_label_scheme_says_whether_a_target_speaks_tls_also_as_prometheus_calls_it() {
    let (on, off) = (SubstationTls::On { server_name: None }, SubstationTls::Off);
    for (written, tls) in [
        ("scheme: https", &on),
        ("scheme: http", &off),
        ("__scheme__: https", &on),
        ("__scheme__: http, scheme: https", &on),
        ("other: https", &SubstationTls::AsUpstream),
    ] {
        let yaml = format!("- {{targets: ['10.0.0.1:1'], labels: {{{written}}}}}");
        let target = &found(&yaml, Format::Yaml)[0];
        assert_eq!(&target.tls, tls, "{written}");
        assert!(!target.labels.contains_key("__scheme__"));
    }
    let json = r#"[{"targets": ["10.0.0.1:1"], "labels": {"__scheme__": "https"}}]"#;
    assert_eq!(found(json, Format::Json)[0].tls, on);
}

#[test]
fn the_label_drain_says_true_or_false_and_nothing_else() {
    let labelled = |label: &str| format!("- {{targets: ['10.0.0.1:1'], labels: {{{label}}}}}");
    for (written, drain) in [
        ("drain: true", true),
        ("drain: 'true'", true),
        ("drain: false", false),
        ("drain: ''", false),
        ("drain: null", false),
        ("other: true", false),
    ] {
        assert_eq!(
            found(&labelled(written), Format::Yaml)[0].drain,
            drain,
            "{written}"
        );
    }
    for wrong in ["1", "yes", "True", "'true '", "on"] {
        let refused = refusal(&labelled(&format!("drain: {wrong}")));
        assert!(refused.contains("labels.drain: "), "{refused}");
        assert!(refused.contains("must be true or false"), "{refused}");
    }
    // Truth values need no quotes in JSON either.
    let json = r#"[{"targets": ["10.0.0.1:1"], "labels": {"drain": true}}]"#;
    assert!(found(json, Format::Json)[0].drain);
    let merged = "- {targets: ['10.0.0.1:1'], labels: {<<: {drain: true, name: a}, name: b}}";
    let merged = &found(merged, Format::Yaml)[0];
    assert_eq!((merged.drain, &*merged.name), (true, "b"));
}

#[test]
fn a_label_is_the_text_that_is_written_as_prometheus_reads_it() {
    // The name and the capacity of a group with these labels.
    let read = |text: &str, format| {
        let found = found(text, format);
        let name = found[0].is_named.then(|| found[0].name.clone());
        (name, found[0].capacity)
    };
    let name = |text: &str| (Some(text.to_owned()), None);
    let none = (None, None);
    for (written, expected) in [
        ("name: 1.10", name("1.10")),
        ("name: 0x1F", name("0x1F")),
        ("name: 0o17", name("0o17")),
        ("name: 007", name("007")),
        ("name: 1e3", name("1e3")),
        ("name: 1_000", name("1_000")),
        (
            "name: 123456789012345678901234567890",
            name("123456789012345678901234567890"),
        ),
        ("name: true", name("true")),
        ("name: yes", name("yes")),
        ("name: Off", name("Off")),
        ("name: 2001-12-14", name("2001-12-14")),
        ("name: !!str 1.10", name("1.10")),
        ("name: \"null\"", name("null")),
        // Null and empty text are no label.
        ("name: null", none.clone()),
        ("name: ~", none.clone()),
        ("name:", none.clone()),
        ("name: ''", none.clone()),
        ("capacity: ''", none.clone()),
        ("capacity: 1.50", (None, Some(1.5))),
        ("capacity: 5e2", (None, Some(500.0))),
        ("other: [1, {a: b}]", none.clone()),
    ] {
        let block = format!("- targets: ['10.0.0.1:1']\n  labels:\n    {written}\n");
        assert_eq!(read(&block, Format::Yaml), expected, "{written}");
        let flow = format!("[{{targets: ['10.0.0.1:1'], labels: {{{written}}}}}]");
        // In a flow, `name:}` is another text.
        if written != "name:" {
            assert_eq!(read(&flow, Format::Yaml), expected, "{written}");
        }
    }
    for (written, expected) in [
        (r#""name": "1.10""#, name("1.10")),
        (r#""name": "\u0061b""#, name("ab")),
        (r#""name": 1.10"#, name("1.10")),
        (r#""name": true"#, name("true")),
        (r#""name": null"#, none.clone()),
        (r#""name": """#, none.clone()),
        (r#""capacity": 500.50"#, (None, Some(500.5))),
        (r#""capacity": "1e3""#, (None, Some(1000.0))),
    ] {
        let text = format!(r#"[{{"targets": ["10.0.0.1:1"], "labels": {{{written}}}}}]"#);
        assert_eq!(read(&text, Format::Json), expected, "{written}");
    }
    for hexadecimal in ["0x1F", "1_000", "true", ".inf", "0o17"] {
        let text = format!("- {{targets: ['10.0.0.1:1'], labels: {{capacity: {hexadecimal}}}}}");
        let told = refusal(&text);
        assert!(
            told.contains("must be a number above 0, and finite"),
            "{told}"
        );
    }
}

#[test]
fn anchors_and_merged_maps_are_read_as_by_yaml_1_1() {
    let text = "
- &first
  targets: ['10.0.0.1:1']
  labels: &common {capacity: 500, zone: n}
- targets: ['10.0.0.2:1']
  labels: {<<: *common, name: two}
- targets: ['10.0.0.3:1']
  labels: {<<: [{name: three}, *common, {capacity: 1}], capacity: 7.5}
- <<: *first
  targets: ['10.0.0.4:1']
- <<: *first
  targets: ['10.0.0.5:1']
  labels: *common
";
    let found = found(text, Format::Yaml);
    let read: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.capacity))
        .collect();
    let expected = [
        ("10.0.0.1:1", Some(500.0)),
        ("two", Some(500.0)),
        ("three", Some(7.5)),
        ("10.0.0.4:1", Some(500.0)),
        ("10.0.0.5:1", Some(500.0)),
    ];
    assert_eq!(read, expected);
}

#[test]
fn an_address_has_one_form_and_one_meaning() {
    let mapped = found(
        "- targets: ['[::ffff:10.0.0.1]:5001', '[fe80::1%3]:5001']",
        Format::Yaml,
    );
    assert_eq!(mapped[0].address, "10.0.0.1:5001".parse().unwrap());
    assert_eq!(mapped[1].address, "[fe80::1%3]:5001".parse().unwrap());
    for target in [
        "010.0.0.1:5001",
        "127.1:5001",
        "0x7f.1:5001",
        "2130706433:5001",
        "10.0.0.1.:5001",
    ] {
        for (text, format) in [
            (format!("- targets: ['{target}']"), Format::Yaml),
            (format!(r#"[{{"targets": ["{target}"]}}]"#), Format::Json),
        ] {
            let told = parse(text.as_bytes(), format).unwrap_err().to_string();
            assert!(told.contains("is ambiguous"), "{target}: {told}");
        }
    }
    assert!(refusal("- targets: ['10.0.0.1:+5001']").contains("no port from 0 to 65535"));
}

#[test]
fn what_is_no_list_of_groups_is_refused() {
    for text in [
        "5",
        "{targets: []}",
        "- 5",
        "- {targets: x}",
        "- {target: []}",
        "- {targets: [[]]}",
        "[[]]",
        r#"[[["10.0.0.1:1"], {"name": "a"}]]"#,
        "[",
        "\u{0}",
        "- {targets: ['a:1'], labels: {name: {}}}",
    ] {
        assert!(
            refusal(text).starts_with("is not a YAML list of target groups: "),
            "{text}"
        );
        let error = parse(text.as_bytes(), Format::Json)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("is not a JSON list of target groups: "),
            "{text}"
        );
    }
    let many = format!("[{{\"targets\": [\"a:1\"{}]}}]", ", \"a:1\"".repeat(10_000));
    let error = parse(many.as_bytes(), Format::Json)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "has 10001 targets; the most is 10000");
}

#[test]
fn hostile_json_is_refused_before_it_costs_memory() {
    let refusal = |text: &str| {
        parse(text.as_bytes(), Format::Json)
            .unwrap_err()
            .to_string()
    };
    for (text, told) in [
        ("[".repeat(200_000), "is not a JSON list of target groups: "),
        (
            format!("[{{\"labels\": {{\"x\": {}", "[".repeat(200_000)),
            "is not a JSON list of target groups: ",
        ),
        (
            format!("[{}{{}}]", "{},".repeat(3_000_000)),
            "is not a JSON list of target groups: has more than 10000 groups",
        ),
        (
            format!("[{{\"targets\": [{}\"\"]}}]", "\"\",".repeat(3_000_000)),
            "has 3000001 targets; the most is 10000",
        ),
        (
            format!(
                "[{}]",
                vec!["{\"targets\": [\"\",\"\",\"\"]}"; 10_000].join(",")
            ),
            "has 30000 targets; the most is 10000",
        ),
        (
            format!("[{{\"{}\": 1}}]", "x".repeat(8 << 20)),
            "is not a JSON list of target groups: unknown field `xxx",
        ),
        (
            format!(
                "[{{\"targets\": [\"a:1\"], \"labels\": {{\"name\": \"{}\"}}}}]",
                "x".repeat(8 << 20)
            ),
            "[0].labels.name: \"xxx",
        ),
    ] {
        let refusal = refusal(&text);
        assert!(
            refusal.starts_with(told) && refusal.len() < 1000,
            "{refusal}"
        );
    }
}

/// A thousand groups, each with both labels.
fn thousand() -> String {
    let group = |i: usize| {
        let (high, low) = (i / 256, i % 256);
        serde_json::json!({"targets": [format!("10.0.{high}.{low}:5001")],
            "labels": {"name": format!("s{i}"), "capacity": "500", "job": "substation"}})
    };
    serde_json::to_string(&(0..1000).map(group).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_thousand_targets_are_read_within_50_ms() {
    let text = thousand();
    let best = (0..5)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(found(&text, Format::Json).len(), 1000);
            begun.elapsed()
        })
        .min();
    assert!(best < Some(Duration::from_millis(50)), "{best:?}");
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(written in proptest::collection::vec(
        ("[a-z0-9][a-zA-Z0-9_.-]{0,62}", any::<[u8; 4]>(), 1..=u16::MAX, proptest::option::of(1e-3..4e12_f64)), 0..20)) {
        let written: Vec<_> = written.into_iter().filter(|(_, ip, ..)| (1..=223).contains(&ip[0])).collect();
        let groups: Vec<_> = written.iter().map(|(name, ip, port, capacity)| {
            let mut labels = serde_json::json!({"name": name});
            if let Some(capacity) = capacity {
                labels["capacity"] = capacity.to_string().into();
            }
            serde_json::json!({"targets": [SocketAddr::from((*ip, *port)).to_string()], "labels": labels})
        }).collect();
        let expected: Vec<_> = written.iter().map(|(name, ip, port, capacity)| Found {
            name: name.clone(),
            is_named: true,
            address: (*ip, *port).into(),
            host: None,
            capacity: *capacity,
            feeder: None,
            labels: BTreeMap::new(),
            tls: SubstationTls::AsUpstream,
            drain: false,
        }).collect();
        prop_assert_eq!(&found(&serde_json::to_string(&groups).unwrap(), Format::Json), &expected);
        prop_assert_eq!(&found(&yaml_serde::to_string(&groups).unwrap(), Format::Yaml), &expected);
    }

    #[test]
    fn no_truncated_json_answer_is_accepted(at in 0_usize..1000) {
        let text = thousand();
        let cut = &text.as_bytes()[..text.len() * at / 1000];
        prop_assert!(parse(cut, Format::Json).is_err());
    }
}
