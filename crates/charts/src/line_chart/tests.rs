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
        y: Axis {
            scale: Scale::linear(100.0),
            label,
        },
        lines: vec![Line::new("one \"&\" only", 3, points).stroke(Stroke::Area)],
    };
    chart.render().into_string()
}

#[test]
fn a_value_lies_between_its_ticks() {
    let svg = chart(vec![(0.0, Some(0.0)), (10.0, Some(100.0))]);
    assert!(svg.contains("d=\"M78.0 246.0L624.0 14.0\""), "{svg}");
    assert!(
        svg.contains(">100</text>") && svg.contains(">20</text>"),
        "{svg}"
    );
}

#[test]
fn a_gap_breaks_the_line_and_a_single_point_is_visible() {
    let svg = chart(vec![(0.0, Some(0.0)), (1.0, None), (5.0, Some(50.0))]);
    assert_eq!(svg.matches("class=\"line\"").count(), 2, "{svg}");
    assert!(svg.contains("M351.0 130.0L351.0 130.0"), "{svg}");
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
