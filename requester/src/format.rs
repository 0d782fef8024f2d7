//! Numbers and time spans as people read them.

/// A number with the digits before its decimal point in groups of three, such as `-1,234.5`.
#[must_use]
pub fn grouped(number: impl Copy + ToString) -> String {
    let plain = number.to_string();
    let (digits, rest) = plain.split_once('.').unwrap_or((&plain, ""));
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

/// A number with at most `digits` decimals, without trailing zeros.
pub(crate) fn decimal(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A number in groups of three digits, with at most two decimals below 1,000 and none above.
pub(crate) fn grouped_decimal(number: f64) -> String {
    grouped(decimal(number, if number < 1000.0 { 2 } else { 0 }).as_str())
}

/// Seconds in the unit that reads best: µs, ms or s.
pub(crate) fn time_span(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_999_5 => format!("{} µs", decimal(s * 1e6, 0)),
        s if s < 0.099_95 => format!("{} ms", decimal(s * 1e3, 2)),
        s if s < 0.999_5 => format!("{} ms", decimal(s * 1e3, 0)),
        s => format!("{} s", decimal(s, 2)),
    }
}

#[cfg(test)]
mod tests;
