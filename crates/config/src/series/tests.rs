use super::{MatchOp, Matcher, Series, SeriesError};

fn matcher(label: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher {
        label: label.to_owned(),
        op,
        value: value.to_owned(),
    }
}

fn series(name: &str, matchers: &[Matcher]) -> Series {
    Series {
        name: name.to_owned(),
        matchers: matchers.to_vec(),
        plus: None,
    }
}

fn sum(series: Series, plus: Series) -> Series {
    Series {
        plus: Some(Box::new(plus)),
        ..series
    }
}

#[test]
fn a_series_reads_as_promql_writes_it() {
    use MatchOp::{Equal, NotEqual};
    let model = matcher("model_name", Equal, "m");
    for (text, expected) in [
        (
            "substation_current_load",
            series("substation_current_load", &[]),
        ),
        (" load ", series("load", &[])),
        ("load{}", series("load", &[])),
        (
            r#"vllm:running{model_name="m"}"#,
            series("vllm:running", std::slice::from_ref(&model)),
        ),
        (
            r#"a { model_name = "m" , }"#,
            series("a", std::slice::from_ref(&model)),
        ),
        (
            r#"a{x!='it',model_name="m"}"#,
            series("a", &[matcher("x", NotEqual, "it"), model.clone()]),
        ),
        (
            r#"a{x="}, \"y\" \\ \n"}"#,
            series("a", &[matcher("x", Equal, "}, \"y\" \\ \n")]),
        ),
        (r"a{x=`\d`}", series("a", &[matcher("x", Equal, r"\d")])),
        (r#"a{x=""}"#, series("a", &[matcher("x", Equal, "")])),
        (r#"a{x="ü"}"#, series("a", &[matcher("x", Equal, "ü")])),
        ("a+b", sum(series("a", &[]), series("b", &[]))),
        (
            r#" a{x="+"} + b{} +a "#,
            sum(
                series("a", &[matcher("x", Equal, "+")]),
                sum(series("b", &[]), series("a", &[])),
            ),
        ),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_series_is_refused_with_the_reason() {
    let at = |kind: fn(String) -> SeriesError, text: &str| kind(text.to_owned());
    for (text, expected) in [
        ("", SeriesError::Name),
        ("5xx", SeriesError::Name),
        (r#"{__name__="a"}"#, SeriesError::Name),
        ("größe", at(SeriesError::Rest, "öße")),
        ("a b", at(SeriesError::Rest, "b")),
        ("a[5m]", at(SeriesError::Rest, "[5m]")),
        ("sum(a)", at(SeriesError::Rest, "(a)")),
        (r#"a{x="1"} offset 5m"#, at(SeriesError::Rest, "offset 5m")),
        (r#"a{x=~"1"}"#, at(SeriesError::Pattern, "x")),
        (r#"a{x!~"1"}"#, at(SeriesError::Pattern, "x")),
        ("a{x}", at(SeriesError::Operator, "x")),
        (r#"a{x>"1"}"#, at(SeriesError::Operator, "x")),
        ("a{x=1}", at(SeriesError::Quotes, "x")),
        (r#"a{x="1}"#, at(SeriesError::Quotes, "x")),
        (r#"a{x="1'}"#, at(SeriesError::Quotes, "x")),
        (r#"a{x="\d"}"#, at(SeriesError::Escape, "x")),
        (r#"a{x="1""#, SeriesError::Open),
        (r#"a{x="1","#, SeriesError::Open),
        (r#"a{x="1" y="2"}"#, SeriesError::Open),
        ("a{", SeriesError::Open),
        (r#"a{,x="1"}"#, at(SeriesError::Label, r#",x="1"}"#)),
        (r#"a{x:y="1"}"#, at(SeriesError::Operator, "x")),
        (r#"a{1="1"}"#, at(SeriesError::Label, r#"1="1"}"#)),
        ("a +", SeriesError::Name),
        ("+ a", SeriesError::Name),
        ("a + 5", SeriesError::Name),
        ("a - b", at(SeriesError::Rest, "- b")),
        ("a + b * 2", at(SeriesError::Rest, "* 2")),
        ("a+b+c+d+e+f+g+h+i", SeriesError::TooMany),
    ] {
        assert_eq!(text.parse::<Series>(), Err(expected), "{text}");
    }
}

#[test]
fn what_is_written_reads_back_the_same_whatever_the_value() {
    for value in [
        "", "m", "\\", "\"", "'", "`", "\n", "\t\r", "a\\nb", "\\\"", "},{", "ü €", "\u{0}",
    ] {
        for op in [MatchOp::Equal, MatchOp::NotEqual] {
            let written = series("a:b", &[matcher("x", op, value), matcher("y", op, value)]);
            let written = sum(written.clone(), sum(series("c", &[]), written));
            assert_eq!(written.names(), "a:b + c + a:b");
            assert!(!written.is_plain());
            assert_eq!(
                written.to_string().parse(),
                Ok(written.clone()),
                "{written}"
            );
        }
    }
}
