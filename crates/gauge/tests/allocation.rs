//! A report of the usual kind is read without an allocation, in either form.

use switchyard_gauge::orca::{Report, read};

#[test]
fn a_usual_report_is_read_without_an_allocation() {
    for value in [
        "TEXT cpu_utilization=0.3, named_metrics.load=121.5, named_metrics.capacity=500",
        r#"JSON {"cpu_utilization": 0.3, "named_metrics": {"load": 121.5, "capacity": 500, "queue": 7}}"#,
    ] {
        let mut report = None;
        let counted = allocation_counter::measure(|| {
            report = read(value.as_bytes(), "load", "capacity").ok();
        });
        let expected = Report {
            load: 121.5,
            capacity: Some(500.0),
        };
        assert_eq!(report, Some(expected), "{value}");
        assert_eq!(counted.count_total, 0, "{value}");
    }
    let control = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(control.count_total, 1, "the counter counts");
}
