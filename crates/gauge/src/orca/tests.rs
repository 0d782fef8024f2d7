//! Tables, and comparisons with a reader that builds a whole tree.

use super::{Report, ReportError, read};
use proptest::{
    collection,
    prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest},
};
use serde_json::Value;

#[test]
fn the_header_is_the_one_that_the_wire_names() {
    assert_eq!(super::HEADER, switchyard_wire::names::ENDPOINT_LOAD_METRICS);
}

fn said(value: impl AsRef<[u8]>) -> Result<Report, ReportError> {
    read(value.as_ref(), "load", "most")
}

fn report(load: f64, capacity: Option<f64>) -> Report {
    Report { load, capacity }
}

#[test]
fn reads_what_writers_write() {
    for (value, load, capacity) in [
        ("TEXT named_metrics.load=12.5", 12.5, None),
        (
            "TEXT cpu_utilization=0.3, named_metrics.load=12, named_metrics.most=500",
            12.0,
            Some(500.0),
        ),
        (
            "TEXT named_metrics.most:5e2,named_metrics.load:12",
            12.0,
            Some(500.0),
        ),
        ("TEXT  named_metrics.load = 12 ,x=", 12.0, None),
        ("TEXT rps=nonsense, named_metrics.load=0", 0.0, None),
        ("TEXT named_metrics.load=-0", 0.0, None),
        (r#"JSON {"named_metrics": {"load": 12.5}}"#, 12.5, None),
        (
            r#"JSON {"cpu_utilization":0.3,"namedMetrics":{"x":"y","most":5E2,"load":1}}"#,
            1.0,
            Some(500.0),
        ),
        (
            "JSON\t {\"load\": 9, \"named_metrics\" :\r\n{ \"load\" : 3 } , \"u\": [1, {\"load\": 4}, null]} ",
            3.0,
            None,
        ),
    ] {
        let value = value.replace("JSON\t", "JSON ");
        assert_eq!(said(&value), Ok(report(load, capacity)), "{value}");
    }
    let of_vllm = "TEXT named_metrics.vllm:running=3, named_metrics.vllm:most:8";
    assert_eq!(
        read(of_vllm.as_bytes(), "vllm:running", "vllm:most"),
        Ok(report(3.0, Some(8.0)))
    );
}

#[test]
fn refuses_doubtful_reports() {
    use ReportError::{Format, Malformed, Missing};
    for (value, why) in [
        ("", Format),
        ("TEXT", Format),
        ("text named_metrics.load=1", Format),
        ("BIN CgNsb2Fk", Format),
        ("named_metrics.load=1", Format),
        (r#"{"named_metrics": {"load": 1}}"#, Format),
        ("TEXT load=1", Missing),
        ("TEXT named_metrics.loads=1", Missing),
        ("TEXT named_metrics.most=1", Missing),
        ("TEXT x", Malformed),
        ("TEXT named_metrics.load=1,", Malformed),
        ("TEXT named_metrics.load=1, named_metrics.load=1", Malformed),
        ("TEXT named_metrics.load=1, named_metrics.load:2", Malformed),
        ("TEXT named_metrics.load=", Malformed),
        ("TEXT named_metrics.load=NaN", Malformed),
        ("TEXT named_metrics.load=inf", Malformed),
        ("TEXT named_metrics.load=1e999", Malformed),
        ("TEXT named_metrics.load=-1", Malformed),
        ("TEXT named_metrics.load=1 kW", Malformed),
        (
            "TEXT named_metrics.load=1, named_metrics.most=NaN",
            Malformed,
        ),
        ("JSON {}", Missing),
        (r#"JSON {"load": 1}"#, Missing),
        (r#"JSON {"named_metrics": {}}"#, Missing),
        (r#"JSON {"x": {"named_metrics": {"load": 1}}}"#, Missing),
        (r#"JSON {"named_metrics": {"x": {"load": 1}}}"#, Missing),
        (r#"JSON {"named_metrics": {"load": "1"}}"#, Malformed),
        (r#"JSON {"named_metrics": {"load": null}}"#, Malformed),
        (r#"JSON {"named_metrics": {"load": -1}}"#, Malformed),
        (r#"JSON {"named_metrics": {"load": 1e999}}"#, Malformed),
        (
            r#"JSON {"named_metrics": {"load": 1, "load": 1}}"#,
            Malformed,
        ),
        (
            r#"JSON {"named_metrics": {"load": 1}, "namedMetrics": {}}"#,
            Malformed,
        ),
        (
            r#"JSON {"named_metrics": {"load": 1}, "\u006eamed_metrics": {}}"#,
            Malformed,
        ),
        (r#"JSON {"named_metrics": {"load": 1}"#, Malformed),
        (r#"JSON {"named_metrics": {"load": 1}} x"#, Malformed),
        (r#"JSON {"named_metrics": {"load": 1,}}"#, Malformed),
        (r#"JSON {"named_metrics": {"load": 01}}"#, Malformed),
        (r#"JSON {"named_metrics": [1]}"#, Malformed),
        ("JSON [1]", Malformed),
        ("JSON nonsense", Malformed),
    ] {
        assert_eq!(said(value), Err(why), "{value}");
    }
    let deep = format!(
        r#"JSON {{"named_metrics": {{"load": 1}}, "x": {}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(said(deep), Err(Malformed), "deeper than the stack allows");
}

/// Reads a report by way of a tree. A tree keeps only one of two equal names, so no test gives it such a text.
fn slowly(object: &str) -> Result<Report, ReportError> {
    let tree: Value = serde_json::from_str(object).map_err(|_| ReportError::Malformed)?;
    let tree = tree.as_object().ok_or(ReportError::Malformed)?;
    let named = match (tree.get("named_metrics"), tree.get("namedMetrics")) {
        (Some(_), Some(_)) => return Err(ReportError::Malformed),
        (Some(named), None) | (None, Some(named)) => {
            named.as_object().ok_or(ReportError::Malformed)?
        }
        (None, None) => return Err(ReportError::Missing),
    };
    let of = |name: &str| match named.get(name).map(Value::as_f64) {
        None => Ok(None),
        Some(Some(number)) if number >= 0.0 => Ok(Some(number)),
        Some(_) => Err(ReportError::Malformed),
    };
    let (load, capacity) = (of("load")?, of("most")?);
    Ok(report(load.ok_or(ReportError::Missing)?, capacity))
}

#[test]
fn numbers_are_read_to_the_last_bit() {
    // A fast parser gets this number wrong by one in the last place.
    let object = r#"{"named_metrics": {"load": 0e0, "most": 4.7352290409306036e11}}"#;
    let exact = Ok(report(0.0, Some(473_522_904_093.060_36)));
    assert_eq!(said(format!("JSON {object}")), exact);
    assert_eq!(slowly(object), exact, "the reference is exact too");
}

/// JSON, mostly in the shape of a report.
fn object() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
    ];
    let string = any::<String>().prop_map(|text| Value::from(text).to_string());
    let leaf = prop_oneof![4 => number, 1 => string, 1 => "true|false|null"];
    let tree = leaf.prop_recursive(4, 12, 4, |inner| {
        let key = "[a-z]{0,3}|load|most|named_metrics|namedMetrics";
        prop_oneof![
            collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            collection::btree_map(key, inner, 0..4).prop_map(braces),
        ]
    });
    let named = collection::btree_map("[a-z]{0,3}|load|most", tree.clone(), 0..4).prop_map(braces);
    let key = "[a-z]{1,3}|named_metrics|namedMetrics";
    (
        collection::btree_map(key, tree, 0..3),
        prop_oneof![Just("named_metrics"), Just("namedMetrics")],
        named,
    )
        .prop_map(|(mut members, key, named)| {
            members.insert(key.to_owned(), named);
            braces(members)
        })
}

fn braces(members: std::collections::BTreeMap<String, String>) -> String {
    let members: Vec<_> = members
        .into_iter()
        .map(|(key, value)| format!(" \"{key}\" :{value}\t"))
        .collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #[test]
    fn json_is_read_as_a_tree_would_be(object in object()) {
        prop_assert_eq!(said(format!("JSON {object}")), slowly(&object), "{}", object);
    }

    #[test]
    fn a_slip_in_json_is_seen_where_a_tree_sees_it(
        object in object(),
        at in any::<proptest::sample::Index>(),
        put in proptest::option::of("[ -~&&[^\\\\]]"),
    ) {
        let mut chars: Vec<char> = object.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..=at, put.iter().flat_map(|put| put.chars()));
        let object: String = chars.into_iter().collect();
        if let Ok(fast) = said(format!("JSON {object}")) {
            prop_assert_eq!(Ok(fast), slowly(&object), "{}", object);
        }
    }

    #[test]
    fn text_that_was_printed_is_read(
        before in collection::vec("[a-z_]{1,5}[=:][0-9a-z.]{0,3}", 0..3),
        load in 0.0..f64::MAX,
        capacity in proptest::option::of(0.0..f64::MAX),
        sign in "[=:]",
        blank in "[ \t]{0,2}",
    ) {
        let mut pairs = before;
        pairs.push(format!("named_metrics.load{blank}{sign}{blank}{load:?}"));
        pairs.extend(capacity.map(|most| format!("named_metrics.most{sign}{most:?}")));
        let separator = format!("{blank},{blank}");
        prop_assert_eq!(said(format!("TEXT {}", pairs.join(&separator))), Ok(report(load, capacity)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, form in "TEXT |JSON |JSON \\{\"named_metrics\":\\{\"load\":|BIN |") {
        let _ = said([form.as_bytes(), &bytes].concat());
    }
}
