//! Numbers and time spans against the texts that they should give.

use super::*;

#[test]
fn numbers_are_grouped_by_thousands() {
    assert_eq!([12_000.0, -1234.5].map(grouped), ["12,000", "-1,234.5"]);
    let numbers = [0, 12, 999, 1000, 123_456, 1_234_567];
    let texts = numbers.map(grouped);
    assert_eq!(texts, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
}

#[test]
fn numbers_are_written_without_needless_digits() {
    assert_eq!(decimal(2.50, 2), "2.5");
    assert_eq!(decimal(-0.001, 2), "0");
    assert_eq!(decimal(100.0, 0), "100");
    assert_eq!(grouped_decimal(1_234_567.8), "1,234,568");
    assert_eq!(grouped_decimal(0.25), "0.25");
    assert_eq!(
        [0.000_25, 0.001_5, 0.25, 2.0].map(time_span),
        ["250 µs", "1.5 ms", "250 ms", "2 s"]
    );
}
