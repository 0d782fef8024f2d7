//! The pages are those that the `prometheus` crate writes for the same numbers.

use prometheus::{Encoder, Registry, TextEncoder};

use super::*;
use crate::{Registrar, request_buckets};

/// What the crate writes for what `fill` registers.
fn theirs(fill: impl FnOnce(Registrar<'_>)) -> String {
    let registry = Registry::new_custom(Some("x".to_owned()), None).unwrap();
    fill(Registrar::new(&registry));
    let mut page = Vec::new();
    TextEncoder::new()
        .encode(&registry.gather(), &mut page)
        .unwrap();
    String::from_utf8(page).unwrap()
}

fn ours(fill: impl FnOnce(&mut Page)) -> String {
    let mut page = Page::after(Vec::new(), "x");
    fill(&mut page);
    String::from_utf8(page.into_text()).unwrap()
}

/// The order of a family's lines means nothing.
fn sorted(page: &str) -> Vec<&str> {
    let mut lines: Vec<_> = page.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn counters_and_gauges_are_written_as_the_crate_writes_them() {
    let names = ["a", "quo\"ted", "back\\slash", "two\nlines", "10.0.0.1:80"];
    let values = [0.0, 1.5, 1e21, 1e-9, 0.25];
    let their_page = theirs(|make| {
        let counted = make
            .counters("counted_total", "How many.", &["name", "outcome"])
            .unwrap();
        let moved = make
            .counters("moved_total", "Moves.", &["name", "a"])
            .unwrap();
        let loads = make.gauges("load", "Load.", &["name"]).unwrap();
        for (at, name) in names.iter().enumerate() {
            counted.with_label_values(&[name, "ok"]).inc_by(at as u64);
            moved.with_label_values(&[name, "b"]).inc_by(7);
            loads.with_label_values(&[name]).set(values[at]);
        }
        make.gauge("alone", "One.").unwrap().set(1);
        make.gauges("none", "Without series.", &["name"]).unwrap();
    });
    let labels = names.map(Label::new);
    let our_page = ours(|page| {
        page.gauge("alone", "One.", true);
        let numbered = || labels.iter().zip(0_u64..);
        let mut counted = page.counters("counted_total", "How many.");
        counted.lines("name", Some(("outcome", "ok")), numbered());
        let mut loads = page.gauges("load", "Load.");
        loads.lines("name", None, labels.iter().zip(values));
        let mut moved = page.counters("moved_total", "Moves.");
        moved.lines(
            "name",
            Some(("a", "b")),
            labels.iter().map(|one| (one, 7_u64)),
        );
        let none = std::iter::empty::<(&Label<'_>, f64)>();
        page.gauges("none", "Without series.")
            .lines("name", None, none);
    });
    assert_eq!(sorted(&our_page), sorted(&their_page));
}

#[test]
fn histograms_are_written_as_the_crate_writes_them() {
    let at_bounds = (0..17).map(|n| Duration::from_nanos(50_000 << n));
    let around = at_bounds.flat_map(|bound| {
        let one = Duration::from_nanos(1);
        [bound.saturating_sub(one), bound, bound + one]
    });
    let durations: Vec<_> = around
        .chain([Duration::ZERO, Duration::from_secs(1000)])
        .collect();
    let times = Times::default();
    let their_page = theirs(|make| {
        let histograms = make
            .histograms("seconds", "How long.", &["name"], request_buckets())
            .unwrap();
        for took in &durations {
            times.observe(*took);
            let histogram = histograms.with_label_values(&["a"]);
            histogram.observe(took.as_secs_f64());
        }
    });
    let label = Label::new("a");
    let our_page = ours(|page| {
        let mut family = page.histograms("seconds", "How long.");
        family.times("name", [(&label, &times)].into_iter());
    });
    // Sums of floats differ in their last digits.
    let is_exact = |line: &&str| !line.starts_with("x_seconds_sum");
    let lines = |page: &str| {
        page.lines()
            .filter(is_exact)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&our_page), lines(&their_page));
    let sum = |page: &str| -> f64 {
        let line = page.lines().find(|line| !is_exact(line)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    assert!((sum(&our_page) - sum(&their_page)).abs() < 1e-6);
}

#[test]
fn the_longest_duration_is_counted() {
    let times = Times::default();
    times.observe(Duration::MAX);
    assert_eq!(times.buckets[BOUNDS].load(Relaxed), 1);
}
