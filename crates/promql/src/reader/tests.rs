//! Answers as Prometheus and the databases that speak its API write them, in every way cut, and what is none.

use proptest::prelude::*;

use super::*;
use crate::series::Point;

/// As Prometheus 2.42 answers.
const PROMETHEUS: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
{"metric":{"__name__":"load","instance":"10.0.0.1:5001","job":"a"},"values":[[1732908108.121,"6"],[1732908123.121,"7.5"]]},
{"metric":{"__name__":"load","instance":"b\"\u00fc","job":"a"},"values":[[1732908110,"NaN"]]},
{"metric":{"__name__":"load"},"values":[[1732908110.5,"+Inf"]],"histograms":[]}]}}"#;
/// As `VictoriaMetrics` does, with what it says beside.
const VICTORIA: &str = r#"{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[{"metric":{"__name__":"load","instance":"10.0.0.1:5001"},"values":[[1732908108.121,"6"],[1732908123.121,"7.5"]]}]},"stats":{"seriesFetched": "1","executionTimeMsec":2}}
"#;
/// As Thanos does: warnings, and the kind after the series.
const THANOS: &str = r#"{"warnings":["no store matched"],"data":{"result":[{"values":[[1732908108.121,"6"],[1732908123.121,"7.5"]],"metric":{"instance":"10.0.0.1:5001"}}],"resultType":"matrix","analysis":{}},"status":"success"}"#;
/// One value for each series.
const VECTOR: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1732908123.5,"100"]}]}}"#;

fn all_of(text: &str, parts: &[usize]) -> Result<Vec<Series<'static>>, QueryError> {
    let mut reader = Reader::new("instance");
    let mut found = Vec::new();
    let mut take = |series: Series<'_>| {
        let label = series.label.map(|label| label.into_owned().into());
        found.push(Series { label, ..series });
    };
    let mut from = 0;
    for to in parts.iter().copied().chain([text.len()]) {
        let to = to.clamp(from, text.len());
        reader.read(&text.as_bytes()[from..to], &mut take)?;
        from = to;
    }
    let count = reader.end(&mut take)?;
    assert_eq!(count, found.len());
    Ok(found)
}

fn error(text: &str) -> String {
    all_of(text, &[]).unwrap_err().to_string()
}

#[test]
fn a_series_has_its_label_its_last_sample_and_the_time_of_the_one_before() {
    let usual = Series {
        label: Some("10.0.0.1:5001".into()),
        last: Point {
            stamp: 1_732_908_123_121,
            value: 7.5,
        },
        before: Some(1_732_908_108_121),
        is_instant: false,
    };
    let found = all_of(PROMETHEUS, &[]).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0], usual);
    assert_eq!(found[1].label.as_deref(), Some("b\"ü"));
    assert!(found[1].last.value.is_nan());
    assert_eq!(found[1].before, None);
    assert_eq!(
        (found[2].label.as_deref(), found[2].last.value),
        (None, f64::INFINITY)
    );
    for other in [VICTORIA, THANOS] {
        assert_eq!(all_of(other, &[]).unwrap(), std::slice::from_ref(&usual));
    }
    let found = all_of(VECTOR, &[]).unwrap();
    assert!(found[0].is_instant);
    assert_eq!(found[0].last.value.to_bits(), 100_f64.to_bits());
}

/// As a native histogram has them, and what a database says of its work.
#[test]
fn a_number_that_is_passed_over_may_be_cut_anywhere() {
    let text = r#"{"stats":{"a":-0.5,"b":1.5E+3,"c":[2e-1]},"status":"success","data":{"result":[
        {"metric":{},"histograms":[[1732908110.5,{"count":"1","buckets":[[0,-1e-3,"1"]]}]],"value":[1,"2"]}]}}"#;
    let whole = all_of(text, &[]).unwrap();
    assert_eq!(whole.len(), 1);
    for at in 0..text.len() {
        assert_eq!(all_of(text, &[at]).unwrap(), whole, "{:?}", &text[..at]);
    }
}

#[test]
fn what_is_no_answer_with_series_is_named() {
    let success = |result: &str| {
        format!(r#"{{"status":"success","data":{{"resultType":"x","result":{result}}}}}"#)
    };
    for (text, words) in [
        (
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\""}"#
                .to_owned(),
            "the query failed (bad_data): invalid parameter",
        ),
        (
            success(r#"[1732908123.5,"100"]"#),
            "one value in place of series",
        ),
        (
            success(r#"[{"metric":{},"values":[]}]"#),
            "a series without a sample",
        ),
        (
            success(r#"[{"metric":{},"histograms":[[1,{}]]}]"#),
            "a series without a sample",
        ),
        (
            success(r#"[{"metric":{},"values":[[1,"a"]]}]"#),
            "no number",
        ),
        (success(r#"[{"metric":{},"values":[1]}]"#), "invalid type"),
        (success(r#"[{"metric":[],"values":[]}]"#), "invalid type"),
        (String::new(), "it is cut off"),
        ("<html>".to_owned(), "it is not the JSON of an answer"),
        ("{}".to_owned(), "it is no answer to a query"),
        ("[]".to_owned(), "it is not the JSON of an answer"),
        (format!("{VECTOR} more"), "it is not the JSON of an answer"),
        (
            r#"{"data":{"result":[]}}"#.to_owned(),
            "it is no answer to a query",
        ),
    ] {
        let said = error(&text);
        assert!(said.contains(words), "{text}: {said}");
    }
    assert_eq!(all_of(&success("[]"), &[]).unwrap(), []);
    assert_eq!(
        all_of(r#"{"status":"success","data":null}"#, &[]).unwrap(),
        []
    );
}

#[test]
fn an_answer_takes_no_more_memory_than_its_largest_series() {
    let mut reader = Reader::new("instance");
    let mut count = 0;
    let mut take = |_: Series<'_>| count += 1;
    reader
        .read(br#"{"status":"success","data":{"result":["#, &mut take)
        .unwrap();
    let one = r#"{"metric":{"instance":"a"},"values":[[1,"1"]]},"#.repeat(100);
    for _ in 0..1_000 {
        // Never at the end of a series.
        for part in [&one[..3_333], &one[3_333..]] {
            reader.read(part.as_bytes(), &mut take).unwrap();
            assert!(reader.rest.len() < 100 && reader.rest.capacity() < 20_000);
        }
    }
    let endless = format!(r#"{{"metric":{{"instance":"{}"#, "a".repeat(600_000));
    reader.read(endless.as_bytes(), &mut take).unwrap();
    let more = "a".repeat(600_000);
    let error = reader.read(more.as_bytes(), &mut take).unwrap_err();
    assert!(matches!(error, QueryError::TooLarge), "{error}");
    assert_eq!(count, 100_000);
}

proptest! {
    #[test]
    fn parts_change_nothing(mut cuts in prop::collection::vec(0_usize..700, 0..9)) {
        cuts.sort_unstable();
        for text in [PROMETHEUS, VICTORIA, THANOS, VECTOR] {
            let whole = format!("{:?}", all_of(text, &[]).unwrap());
            prop_assert_eq!(format!("{:?}", all_of(text, &cuts).unwrap()), whole);
        }
    }

    #[test]
    fn a_cut_is_never_an_answer_and_no_bytes_panic(
        at in 0_usize..700,
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        for text in [PROMETHEUS, VICTORIA, THANOS, VECTOR] {
            let at = at % text.trim_end().len();
            prop_assert!(text.get(..at).is_none_or(|text| all_of(text, &[]).is_err()));
            let mut broken = text.as_bytes().to_vec();
            broken.splice(at..at, bytes.iter().copied());
            let mut reader = Reader::new("instance");
            let mut ignore = |_: Series<'_>| {};
            if reader.read(&broken, &mut ignore).is_ok() {
                let _ = reader.end(&mut ignore);
            }
        }
    }
}
