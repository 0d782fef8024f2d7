use super::*;

fn told(text: &str, exemplars: &Exemplars) -> String {
    String::from_utf8(open_metrics(text, exemplars)).unwrap()
}

#[test]
fn a_counters_family_is_named_without_total_and_the_page_has_an_end() {
    let text = "# HELP x_asked_total How \"many\".\\n\n# TYPE x_asked_total counter\n\
                x_asked_total{name=\"a b\"} 1\nx_asked_total{name=\"\\\"le=\\\"1\\\"\"} 2\n\
                # TYPE x_load gauge\nx_load 0.5\n";
    let expected = "# TYPE x_asked counter\n# HELP x_asked How \\\"many\\\".\\n\n\
                    x_asked_total{name=\"a b\"} 1\nx_asked_total{name=\"\\\"le=\\\"1\\\"\"} 2\n\
                    # TYPE x_load gauge\nx_load 0.5\n# EOF\n";
    assert_eq!(told(text, &Exemplars::new()), expected);
    assert_eq!(told("", &Exemplars::new()), "# EOF\n");
}

#[test]
fn bounds_are_numbers_with_a_fraction() {
    let text = "# TYPE x histogram\nx_bucket{le=\"0.5\"} 1\nx_bucket{a=\"1\",le=\"10\"} 1\n\
                x_bucket{le=\"+Inf\"} 1\nx_bucket{title=\"1\",le=\"1\"} 1\nx_sum{title=\"1\"} 1\n\
                x_count{title=\"1\"} 1\n";
    let expected = "# TYPE x histogram\nx_bucket{le=\"0.5\"} 1\nx_bucket{a=\"1\",le=\"10.0\"} 1\n\
                    x_bucket{le=\"+Inf\"} 1\nx_bucket{title=\"1\",le=\"1.0\"} 1\n\
                    x_sum{title=\"1\"} 1\nx_count{title=\"1\"} 1\n# EOF\n";
    assert_eq!(told(text, &Exemplars::new()), expected);
}

#[test]
fn an_exemplar_stands_behind_its_bucket() {
    let series = "x_bucket{result=\"booked\",le=\"1\"}";
    let exemplar = Exemplar {
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        value: 0.75,
        unix_seconds: 1_700_000_000.25,
    };
    let exemplars = Exemplars::from([(series.to_owned(), exemplar)]);
    let text =
        format!("# TYPE x histogram\nx_bucket{{result=\"booked\",le=\"0.5\"}} 0\n{series} 3\n");
    let page = told(&text, &exemplars);
    let line = page.lines().nth(2).unwrap();
    assert_eq!(
        line,
        "x_bucket{result=\"booked\",le=\"1.0\"} 3 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} 0.75 1700000000.250"
    );
    assert!(!page.lines().nth(1).unwrap().contains('#'));
}
