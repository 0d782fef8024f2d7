//! Counts and microseconds as the floating-point numbers of a report.

use std::time::Duration;

/// A count as a number to divide by or with.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which no run counts to"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// Microseconds as seconds.
pub(crate) fn seconds(micros: u64) -> f64 {
    real(micros) / 1e6
}

/// A time span as whole microseconds; what is longer than 584,000 years counts as that.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// `part / whole`, and 0 of nothing.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// A number with the digits before its point in groups of three; the sign does not count.
#[must_use]
pub fn grouped(number: impl Copy + ToString) -> String {
    let said = number.to_string();
    let (digits, rest) = said.split_once('.').unwrap_or((&said, ""));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(place);
        if left.is_multiple_of(3) && text.ends_with(|before: char| before.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    if !rest.is_empty() {
        text.push('.');
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([12_000.0, -1234.5].map(grouped), ["12,000", "-1,234.5"]);
        let numbers = [0, 12, 999, 1000, 123_456, 1_234_567];
        let texts = numbers.map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
    }
}
