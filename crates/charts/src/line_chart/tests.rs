//! The markup of a chart with one line.

use super::*;
use crate::scale::Scale;

fn chart(points: Vec<(f64, Option<f64>)>) -> String {
    let label = |value| format!("{value:.0}");
    let chart = LineChart {
        title: "Load <a>".into(),
        about: "how much".into(),
        x: Axis {
            scale: Scale::linear(10.0),
            label,
        },
        x_name: "time, s",
        y: Axis {
            scale: Scale::linear(100.0),
            label,
        },
        y_name: "load, kW",
        lines: vec![Line::new("one \"&\" only", 3, points).stroke(Stroke::Area)],
    };
    chart.render().into_string()
}

#[test]
fn a_value_lies_between_its_ticks() {
    let svg = chart(vec![(0.0, Some(0.0)), (10.0, Some(100.0))]);
    assert!(svg.contains("d=\"M78.0 254.0L628.5 34.0\""), "{svg}");
    assert!(
        svg.contains(">100</text>") && svg.contains(">20</text>"),
        "{svg}"
    );
}

#[test]
fn a_gap_breaks_the_line_and_a_single_point_is_visible() {
    let svg = chart(vec![(0.0, Some(0.0)), (1.0, None), (5.0, Some(50.0))]);
    assert_eq!(svg.matches("class=\"line\"").count(), 2, "{svg}");
    assert!(svg.contains("M353.2 144.0L353.2 144.0"), "{svg}");
}

#[test]
fn both_axes_have_names_with_units() {
    let svg = chart(vec![]);
    assert!(
        svg.contains(">time, s</text>") && svg.contains(">load, kW</text>"),
        "{svg}"
    );
}

/// The left edge and the right edge of the labels along an axis.
fn edges(svg: &str, anchor: &str, is_label: impl Fn(&str) -> bool) -> Vec<(f64, f64)> {
    let texts = svg.split("<text ").skip(1);
    let labels = texts.filter_map(|element| {
        let (attributes, rest) = element.split_once('>')?;
        let content = rest.split_once("</text>")?.0;
        if !attributes.contains(&format!("text-anchor=\"{anchor}\"")) || !is_label(content) {
            return None;
        }
        let x: f64 = attributes
            .strip_prefix("x=\"")?
            .split_once('"')?
            .0
            .parse()
            .ok()?;
        let width = width(content);
        Some(match anchor {
            "end" => (x - width, x),
            _ => (x - width / 2.0, x + width / 2.0),
        })
    });
    labels.collect()
}

#[test]
fn long_labels_neither_leave_the_picture_nor_overlap() {
    let long = LineChart {
        title: String::new(),
        about: String::new(),
        x: Axis {
            scale: Scale::linear(86_400.0),
            label: |value| format!("{value:.0}.25 s"),
        },
        x_name: "",
        y: Axis {
            scale: Scale::linear(1e7),
            label: |value| format!("{value:.0} points"),
        },
        y_name: "",
        lines: vec![],
    };
    let percentiles = LineChart {
        x: Axis {
            scale: Scale::percentile(1_000_000),
            label: |value| format!("{value} %"),
        },
        ..long.clone()
    };
    for chart in [long, percentiles] {
        let svg = chart.render().into_string();
        let left = edges(&svg, "end", |label| label.ends_with("points"));
        assert!(
            left.len() > 3 && left.iter().all(|(left, _)| *left >= 0.0),
            "{left:?}"
        );
        let below = edges(&svg, "middle", |_| true);
        assert!(below.len() > 1, "{svg}");
        assert!(below.is_sorted_by(|one, next| one.1 < next.0), "{below:?}");
        assert!(below.iter().all(|(_, right)| *right <= WIDTH), "{below:?}");
    }
}

#[test]
fn names_are_text_and_not_markup() {
    let svg = chart(vec![]);
    assert!(
        svg.contains("Load &lt;a&gt;") && svg.contains("one &quot;&amp;&quot; only"),
        "{svg}"
    );
}

#[test]
fn many_points_are_thinned_out() {
    let points = (0..100_000)
        .map(|at| (f64::from(at) / 1e4, Some(1.0)))
        .collect();
    assert!(chart(points).len() < 40_000);
}
