//! A selector of series, as PromQL writes it.
//!
//! Only its shape is checked: Prometheus says what is wrong with a pattern. An expression is refused, because its values
//! have the time of its evaluation in place of the times when they were read.

use crate::series::{quoted, word};

/// `text`, if it is a selector; else the rule that it breaks.
pub(super) fn check(text: &str) -> Result<String, String> {
    let (name, rest) = word(text, |c| c == ':').unwrap_or(("", text));
    let rest = rest.trim_start();
    let end = match rest.strip_prefix('{') {
        Some(matchers) => after_matchers(matchers)?,
        None if name.is_empty() => return Err(no_selector()),
        None => rest,
    };
    match end.trim() {
        "" => Ok(text.to_owned()),
        _ => Err(no_selector()),
    }
}

fn no_selector() -> String {
    "must be a selector of series, as in load{job=\"a\"}, since an expression has the time of its evaluation in place of \
     its samples' own: let Prometheus record it by a rule, and name that"
        .to_owned()
}

/// What follows the brace that closes the matchers at the front of `text`.
fn after_matchers(mut text: &str) -> Result<&str, String> {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Ok(rest);
        }
        let after = matcher(text)?.trim_start();
        text = match after.strip_prefix(',') {
            Some(rest) => rest,
            None if after.starts_with('}') => after,
            None => return Err("needs a ',' or a '}' after each label's value".to_owned()),
        };
    }
}

/// What follows the matcher at the front of `text`.
fn matcher(text: &str) -> Result<&str, String> {
    let say = |error: crate::SeriesError| error.to_string();
    let (label, rest) = if text.starts_with(['"', '\'', '`']) {
        // A name that needs quotes: of a label, or alone that of the metric.
        let (name, rest) = quoted("name", text).map_err(say)?;
        if rest.trim_start().starts_with([',', '}']) {
            return Ok(rest);
        }
        (name, rest)
    } else {
        let (label, rest) =
            word(text, |_| false).ok_or_else(|| format!("needs a label's name before {text:?}"))?;
        (label.to_owned(), rest)
    };
    let rest = rest.trim_start();
    let value = ["=~", "!~", "!=", "="]
        .iter()
        .find_map(|op| rest.strip_prefix(*op));
    let value = value
        .ok_or_else(|| format!("label `{label}`: needs =, !=, =~ or !~ and a value in quotes"))?;
    let (_, rest) = quoted(&label, value.trim_start()).map_err(say)?;
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn selectors_are_accepted_as_they_are() {
        for selector in [
            "load",
            "vllm:num_requests_running{job=\"vllm\"}",
            "{__name__=~\"vllm:num_requests_(running|waiting)\",job!='a',}",
            "load { a !~ `b\\d` , c = \"d\" } ",
            "load{}",
            "{\"my.load\", \"a.b\"=\"c\"}",
        ] {
            assert_eq!(check(selector).as_deref(), Ok(selector));
        }
    }

    #[test]
    fn expressions_are_refused_with_what_to_do() {
        for expression in [
            "sum(load)",
            "load + other",
            "load[5m]",
            "load offset 1m",
            "load{a=\"b\"} @ end()",
            "1",
            "(load)",
        ] {
            let rule = check(expression).unwrap_err();
            assert!(rule.contains("record it by a rule"), "{expression}: {rule}");
        }
        for (broken, words) in [
            ("load{a}", "label `a`: needs ="),
            ("load{a=b}", "label `a`: needs its value between quotes"),
            ("load{a=\"b\"", "needs a ',' or a '}'"),
            ("load{=\"b\"}", "needs a label's name"),
        ] {
            let rule = check(broken).unwrap_err();
            assert!(rule.contains(words), "{broken}: {rule}");
        }
    }
}
