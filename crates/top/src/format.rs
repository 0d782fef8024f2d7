//! Numbers for people, always with their units. A dash where the value is unknown.

/// The text for an unknown value.
pub(super) const NONE: &str = "–";

/// Three significant digits, more only before the decimal point, and those in groups.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value == 0.0 || value.abs() >= 100.0 {
        return grouped(&format!("{:.0}", value.round_ties_even()));
    }
    let digits = if value.abs() >= 10.0 { 1 } else { 2 };
    format!("{value:.digits$}")
}

/// A whole number in groups of three.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A load with its unit.
pub(super) fn load(value: Option<f64>, unit: &str) -> String {
    let space = if unit.is_empty() { "" } else { " " };
    value.map_or_else(
        || NONE.to_owned(),
        |value| format!("{}{space}{unit}", number(value)),
    )
}

/// A share as percent. Less than all never shows as 100 %.
pub(super) fn percent(part: Option<f64>, digits: usize) -> String {
    let Some(part) = part else {
        return NONE.to_owned();
    };
    let step = (0..digits).fold(1.0, |step, _| step / 10.0);
    let mut shown = part * 100.0;
    if part < 1.0 {
        shown = shown.min(100.0 - step);
    }
    format!("{shown:.digits$} %")
}

/// A duration in a fitting unit.
pub(super) fn seconds(value: Option<f64>) -> String {
    let Some(value) = value else {
        return NONE.to_owned();
    };
    match value {
        _ if value < 1e-3 => format!("{:.0} µs", value * 1e6),
        _ if value < 1.0 => format!("{} ms", number(value * 1e3)),
        _ if value < 10.0 => format!("{value:.1} s"),
        _ if value < 120.0 => format!("{value:.0} s"),
        _ if value < 7200.0 => format!("{:.0} min", value / 60.0),
        _ => format!("{:.0} h", value / 3600.0),
    }
}

/// An age, to tenths of a second.
pub(super) fn age(value: Option<f64>) -> String {
    match value {
        Some(value) if value < 1.0 => format!("{value:.1} s"),
        value => seconds(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234_567.8, "1,234,568"),
            (-1_234.0, "-1,234"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), shown);
        }
        assert_eq!(load(Some(374.0), "kW"), "374 kW");
        assert_eq!(load(Some(3.0), ""), "3.00");
        assert_eq!(load(None, "kW"), "–");
    }

    #[test]
    fn less_than_all_never_shows_as_100_percent() {
        assert_eq!(percent(Some(1.0), 2), "100.00 %");
        assert_eq!(percent(Some(0.999_999), 2), "99.99 %");
        assert_eq!(percent(Some(1.2), 0), "120 %");
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        for (value, shown) in [
            (0.000_24, "240 µs"),
            (0.012_34, "12.3 ms"),
            (1.5, "1.5 s"),
            (45.2, "45 s"),
            (300.0, "5 min"),
            (36_000.0, "10 h"),
        ] {
            assert_eq!(seconds(Some(value)), shown);
        }
        assert_eq!(age(Some(0.04)), "0.0 s");
    }
}
