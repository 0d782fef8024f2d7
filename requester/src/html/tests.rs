//! The page of a report that is known.

use std::time::Duration;

use super::*;
use crate::build_report::tests::{empty_report, report, watched_report};

/// Checks that every tag that is opened is closed, in the right order.
fn assert_well_nested(page: &str) {
    let void = ["meta", "!doctype"];
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let inner = tag.split('>').next().unwrap();
        let name = inner
            .split([' ', '/'])
            .find(|part| !part.is_empty())
            .unwrap();
        if void.contains(&name) {
            continue;
        }
        if inner.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_page_needs_nothing_else() {
    let page = Html(&watched_report()).to_string();
    for outside in [
        "<script", "<link", "<img", "@import", "url(", "src=", "href=",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The target is the only address in it, as text.
    let addresses = page.matches("http").count();
    assert_eq!(addresses, 1);
    assert_well_nested(&page);
}

#[test]
fn the_page_shows_everything_in_the_report() {
    let page = Html(&watched_report()).to_string();
    for title in [
        "Requests a second",
        "Latency over time",
        "Latency by percentile",
        "Utilisation of each substation",
        "Load of each substation",
        "Spread",
        "Outcomes",
        "Load generator",
    ] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert!(
        page.contains("substation1's capacity"),
        "a line for its capacity"
    );
    assert_eq!(page.matches("role=\"img\" aria-label=").count(), 6);
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("4 requests had none"));
    assert!(page.contains("counted the same, to the request"));
}

#[test]
fn without_watched_substations_their_charts_are_missing() {
    let page = Html(&report()).to_string();
    assert_eq!(page.matches("<svg").count(), 3);
    assert_well_nested(&page);
}

#[test]
fn a_substations_name_is_text_and_not_markup() {
    let mut report = report();
    let share = report.substations["substation1"];
    report
        .substations
        .insert("<script>alert(1)</script>".into(), share);
    report
        .errors
        .first
        .insert("broken".into(), "</td><b>".into());
    let page = Html(&report).to_string();
    assert!(!page.contains("<script") && !page.contains("</td><b>"));
    assert_well_nested(&page);
}

#[test]
fn a_run_without_an_answer_has_a_page() {
    let nothing = empty_report(Duration::from_secs(3));
    assert_well_nested(&Html(&nothing).to_string());
}
