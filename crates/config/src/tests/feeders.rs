//! Tests of feeders and labels beyond what the files of `config/invalid` show.

use super::{ONE, accepted, faults, faults_of};
use std::{fmt::Write as _, time::Instant};

/// A list of feeders, each with the parent that `parent` names.
fn feeders(count: usize, parent: impl Fn(usize) -> Option<usize>) -> String {
    let mut list = "feeders:\n".to_owned();
    for at in 0..count {
        let parent = parent(at).map_or_else(String::new, |parent| format!(", parent: f{parent}"));
        let _ = writeln!(list, "- {{name: f{at}, capacity: 1{parent}}}");
    }
    list
}

#[test]
fn ten_thousand_feeders_are_read_in_every_shape_and_more_are_refused() {
    let begun = Instant::now();
    let flat = accepted(&format!("{ONE}\n{}", feeders(10_000, |_| None)));
    assert_eq!(flat.feeders.len(), 10_000);
    // A tree of four children each has seven levels.
    let tree = feeders(10_000, |at| at.checked_sub(1).map(|at| at / 4));
    assert_eq!(accepted(&format!("{ONE}\n{tree}")).feeders.len(), 10_000);
    assert_eq!(
        faults_of(&feeders(10_001, |_| None)),
        ["line 2: feeders: has 10001 items; the most is 10000"]
    );
    let deep = faults_of(&feeders(10_000, |at| at.checked_sub(1)));
    assert_eq!(deep.len(), 1);
    assert!(
        deep[0].starts_with("line 11: feeders[8].parent: \"f7\": "),
        "{deep:?}"
    );
    let round = faults_of(&feeders(10_000, |at| Some((at + 1) % 10_000)));
    assert_eq!(round.len(), 1);
    assert!(round[0].contains("f14 → f15 → 9984 more → f0"), "{round:?}");
    // Each reference is unknown, and near to ten thousand names.
    let unknown = feeders(10_000, |at| Some(at + 10_000));
    assert_eq!(faults_of(&unknown).len(), 101);
    // Without optimisation; a comparison of each with each takes minutes.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn every_feeder_that_is_unknown_is_named_and_none_of_a_list_that_could_not_be_read() {
    let text = |feeders: &str| {
        format!("substations: [{{name: a, address: 127.0.0.1:1, feeder: x}}]\n{feeders}")
    };
    assert_eq!(faults(&text(""))[0].path, "substations[0].feeder");
    assert_eq!(
        faults(&text("feeders: []"))[0].path,
        "substations[0].feeder"
    );
    for broken in ["feeders: {}", "feeders: ~", "feeders: x"] {
        let faults = faults(&text(broken));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].path, "feeders");
    }
    // A feeder with another fault is there all the same.
    let faults = faults(&text(
        "feeders: [{name: x, capacity: -1}, {name: y, parent: x, load: 1}]",
    ));
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["feeders[0].capacity", "feeders[1].load"]);
}

#[test]
fn labels_and_selects_are_bounded() {
    let labels = |count: usize, value: &str| {
        let labels: Vec<_> = (0..count).map(|at| format!("l{at}: {value}")).collect();
        let labels = labels.join(", ");
        format!("substations: [{{name: a, address: 127.0.0.1:1, labels: {{{labels}}}}}]")
    };
    assert_eq!(accepted(&labels(64, "x")).substations[0].labels.len(), 64);
    assert_eq!(
        faults(&labels(65, "x"))[0].to_string(),
        "line 1: substations[0].labels: has 65 labels; the most is 64"
    );
    accepted(&labels(1, &"x".repeat(1024)));
    let long = faults(&labels(1, &"x".repeat(1025)))[0].to_string();
    assert!(long.ends_with("has 1025 bytes; the most is 1024"), "{long}");
    let named = |length: usize| {
        let name = "n".repeat(length);
        format!("substations: [{{name: a, address: 127.0.0.1:1, labels: {{{name}: x}}}}]")
    };
    assert_eq!(accepted(&named(128)).substations[0].labels.len(), 1);
    let long = faults(&named(129))[0].to_string();
    assert!(long.contains("the most is 128"), "{long}");

    let selects = |count: usize| {
        let all: Vec<_> = (0..count)
            .map(|at| format!("l{at}: {{field: a}}"))
            .collect();
        format!("select: {{{}}}", all.join(", "))
    };
    assert_eq!(
        accepted(&format!("{ONE}\n{}", selects(16))).select.len(),
        16
    );
    assert_eq!(
        faults_of(&selects(17)),
        ["line 2: select: has 17 labels; the most is 16"]
    );
}

#[test]
fn no_header_with_a_meaning_of_its_own_is_selected_by() {
    for taken in [
        "host",
        "Content-Length",
        "via",
        "x-request-id",
        "x-request-timeout",
        "x-forwarded-for",
        "te",
        "cookie",
        "authorization",
        "x-possible-holder",
        "X Zone",
        "'x:'",
        "''",
    ] {
        let line = format!("select: {{a: {{header: {taken}}}}}");
        assert_eq!(faults_of(&line).len(), 1, "{taken}");
    }
    for free in ["x-zone", "User-Agent", "accept-language", "x_zone"] {
        accepted(&format!("{ONE}\nselect: {{a: {{header: {free}}}}}"));
    }
}
