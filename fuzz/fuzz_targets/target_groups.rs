//! No target groups make the parser panic, stop it for long, or make it say more than a log line holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use switchyard_discovery::targets::{Format, parse};

// What a fault says of a value is cut, so that one bad line of a source does not fill the log.
const LONGEST_FAULT: usize = 8 * 1_024;

fuzz_target!(|content: &[u8]| {
    for format in [Format::Json, Format::Yaml] {
        if let Err(fault) = parse(content, format) {
            let text = fault.to_string();
            assert!(text.len() <= LONGEST_FAULT, "{} bytes: {text}", text.len());
        }
    }
});
