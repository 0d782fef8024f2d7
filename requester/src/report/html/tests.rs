//! The page of a report that is known.

use std::time::Duration;

use super::*;
use crate::report::tests::{report, watched_report};

/// The tags that are opened and closed, checked for order.
fn is_well_nested(page: &str) {
    let void = ["meta", "line", "path", "!doctype"];
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
fn it_needs_nothing_but_itself() {
    let page = Html(&watched_report()).to_string();
    for outside in [
        "<script", "<link", "<img", "@import", "url(", "src=", "href=",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The target is a text in it; nothing else has an address.
    let addresses = page.matches("http").count();
    assert_eq!(addresses, 1);
    is_well_nested(&page);
}

#[test]
fn it_shows_everything_that_the_report_has() {
    let page = Html(&watched_report()).to_string();
    for title in [
        "Requests a second",
        "Latency over time",
        "Latency by percentile",
        "How full the substations are",
        "Load of each substation",
        "How uneven it is",
        "What became of them",
        "The tester itself",
    ] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert!(
        page.contains("substation1&#39;s capacity"),
        "a line for its capacity"
    );
    assert_eq!(page.matches("role=\"img\" aria-label=").count(), 6);
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("The tester is the bottleneck"));
    assert!(page.contains("counted the same, to the request"));
}

#[test]
fn what_was_not_watched_is_not_drawn() {
    let page = Html(&report()).to_string();
    assert_eq!(page.matches("<svg").count(), 3);
    is_well_nested(&page);
}

#[test]
fn a_substation_can_not_write_into_the_page() {
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
    is_well_nested(&page);
}

#[test]
fn a_run_without_an_answer_is_a_page_too() {
    let nothing = crate::report::tests::empty_report(Duration::from_secs(3));
    is_well_nested(&Html(&nothing).to_string());
}
