use super::*;

#[test]
fn labels_are_text_as_written_and_bounded() {
    let labels = |text: &str, format| found(text, format)[0].labels.clone();
    let expected: BTreeMap<_, _> = [
        ("a", "1.10"),
        ("b", "true"),
        ("c", "ccs,type2"),
        ("d", "0x1F"),
        ("e", " é "),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let yaml = "- {targets: ['10.0.0.1:1'], labels: {<<: {a: no, d: 0x1F}, a: 1.10, b: true, c: 'ccs,type2', e: ' é ', f: null, g: ''}}";
    assert_eq!(labels(yaml, Format::Yaml), expected);
    let json = r#"[{"targets": ["10.0.0.1:1"], "labels": {"a": 1.10, "b": true, "c": "ccs,type2", "d": "0x1F", "e": " é ", "f": null, "g": ""}}]"#;
    assert_eq!(labels(json, Format::Json), expected);

    let group = |labels: String| {
        format!("- {{targets: ['10.0.0.1:1'], labels: {{name: n, feeder: f, {labels}}}}}")
    };
    let many = |count| {
        (0..count)
            .map(|at| format!("l{at}: v"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let long = |length| format!("l: {}", "x".repeat(length));
    assert_eq!(labels(&group(many(64)), Format::Yaml).len(), 64);
    assert_eq!(labels(&group(long(1024)), Format::Yaml).len(), 1);
    for (written, told) in [
        (
            many(65),
            "[0].labels: has 65 labels besides its keys; the most is 64",
        ),
        (long(1025), "[0].labels.l: \"xxx"),
        (format!("{}: v", "x".repeat(129)), "[0].labels.xxx"),
        (
            "feeder: [f]".to_owned(),
            "is not a YAML list of target groups: [0].labels: has the key feeder twice",
        ),
        (
            "l: a, l: b".to_owned(),
            "is not a YAML list of target groups: [0].labels: has the key l twice",
        ),
    ] {
        let refusal = refusal(&group(written));
        assert!(refusal.starts_with(told), "{refusal}");
    }
    let twice = r#"[{"labels": {"l": "a", "l": "a"}}]"#;
    let refusal = parse(twice.as_bytes(), Format::Json)
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("has the label l twice"), "{refusal}");
    // A file of some KiB.
    let targets = vec!["'10.0.0.1:1'"; 10_000].join(",");
    let text = format!("- {{targets: [{targets}], labels: {{{}}}}}", many(64));
    let refusal = super::refusal(&text);
    assert_eq!(
        refusal,
        "has too many labels for its targets: all of them take more than 64 MiB"
    );
}
