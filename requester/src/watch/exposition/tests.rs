//! A page of every kind of line.

use super::*;

#[test]
fn all_samples_of_a_page_are_read() {
    let page = "# HELP a b{c=\"d\"} 3\n# TYPE a gauge\na 1.5e+06\nb{code=\"200\",result=\"booked\"} 7 1700000000\n\
                c{x=\"}\"} +Inf\n\nnonsense\nd{e=\"f\" 1\ng x\n";
    let found: Vec<_> = samples(page).collect();
    let values: Vec<_> = found
        .iter()
        .map(|sample| (sample.name, sample.value))
        .collect();
    assert_eq!(values, [("a", 1.5e6), ("b", 7.0), ("c", f64::INFINITY)]);
    assert_eq!(found[1].label("result"), Some("booked"));
    assert_eq!(found[1].label("code"), Some("200"));
    assert_eq!(found[1].label("ode"), None);
    assert_eq!(found[0].label("code"), None);
    assert_eq!(found[2].label("x"), Some("}"));
}
