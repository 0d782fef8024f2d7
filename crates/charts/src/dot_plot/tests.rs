//! The markup of a picture with two rows.

use super::*;
use crate::scale::Scale;

fn plot() -> String {
    let row = |name: &str, tone, value| Row {
        name: name.into(),
        tone,
        bold: tone == Tone::Own,
        value,
        extreme: 10.0 * value,
    };
    let plot = DotPlot {
        title: "Excess".into(),
        about: "how <far>".into(),
        x: Axis {
            scale: Scale::Log { from: -2, to: 2 },
            label: |value| format!("{value}"),
        },
        groups: vec![Group {
            title: "one & all".into(),
            rows: vec![
                row("best", Tone::Reference, 0.01),
                row("ours", Tone::Own, 1.0),
            ],
        }],
    };
    plot.render()
}

#[test]
fn a_dot_lies_at_its_value_and_a_line_ends_at_the_extreme() {
    let svg = plot();
    // The scale has four decades, from 190 to 870.
    assert!(svg.contains("<circle class=\"own\" cx=\"530.0\""), "{svg}");
    assert!(
        svg.contains("<line class=\"own range\" x1=\"530.0\" x2=\"700.0\""),
        "{svg}"
    );
    assert!(svg.contains("cx=\"190.0\""), "{svg}");
}

#[test]
fn every_row_group_and_tick_is_named() {
    let svg = plot();
    for text in ["Excess", "one &amp; all", "best", "ours", "0.01", "100"] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text}: {svg}");
    }
    assert!(svg.contains("aria-label=\"how &lt;far&gt;\""), "{svg}");
}

#[test]
fn each_element_is_closed_as_xml_asks() {
    let svg = plot();
    for name in ["line", "circle", "rect", "text"] {
        let opened = svg.matches(&format!("<{name} ")).count();
        assert!(opened > 0, "{name}");
        assert_eq!(svg.matches(&format!("</{name}>")).count(), opened, "{name}");
    }
}
