//! No header makes the reader panic, every value it reads is a load, and a part of a JSON report is refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use switchyard_gauge::orca::{Report, ReportError, read};

fn said(value: &[u8]) -> Result<Report, ReportError> {
    read(value, "load", "most")
}

fuzz_target!(|value: &[u8]| {
    let whole = said(value);
    if let Ok(Report { load, capacity }) = whole {
        assert!(
            [Some(load), capacity]
                .iter()
                .flatten()
                .all(|v| v.is_finite() && *v >= 0.0)
        );
    }
    assert_eq!(
        said(&[b" ", value, b"\t"].concat()),
        whole,
        "blanks around it do not matter"
    );
    let value = value.trim_ascii();
    if whole.is_ok() && value.starts_with(b"JSON") {
        for end in 0..value.len() {
            assert!(said(&value[..end]).is_err(), "cut at {end}");
        }
    }
});
