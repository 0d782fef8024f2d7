//! No target groups make the parser panic, stop it for long, or make it say more than a log line holds. Text that is JSON
//! means the same as YAML, and no part of a list in JSON is taken for all of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use switchyard_target_groups::{Format, Target, parse};

// What a fault says of a value is cut, so that one bad line of a source does not fill the log.
const LONGEST_FAULT: usize = 8 * 1_024;

fn read(content: &[u8], format: Format) -> Option<Vec<Target>> {
    parse(content, format)
        .inspect_err(|fault| {
            let text = fault.to_string();
            assert!(text.len() <= LONGEST_FAULT, "{} bytes: {text}", text.len());
            assert!(!text.is_empty() && !text.contains('\n'), "{text}");
        })
        .ok()
}

/// Whether the two languages mean the same by these characters: each escapes others, YAML 1.1 merges maps by `<<`, ends a
/// key after 1,024 characters, and knows tabs only between values.
fn is_in_both(content: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~') && *byte != b'\\';
    content.iter().all(is_plain)
        && !content.windows(2).any(|pair| pair == b"<<")
        && content.len() < 1_024
}

fuzz_target!(|content: &[u8]| {
    let yaml = read(content, Format::Yaml);
    let Some(json) = read(content, Format::Json) else {
        return;
    };
    if is_in_both(content) {
        assert_eq!(yaml.as_ref(), Some(&json), "as YAML");
    }
    let content = content.trim_ascii();
    if content.starts_with(b"[") {
        for end in 0..content.len() {
            assert!(
                parse(&content[..end], Format::Json).is_err(),
                "cut at {end}"
            );
        }
    }
    for target in json {
        let known = |_: &str| Some([10, 0, 0, 1].into());
        let found = target.found(known).expect("every name is known");
        assert!(!found.name.is_empty());
        assert!(found.capacity.is_none_or(|capacity| capacity > 0.0));
        assert_ne!(found.address.port(), 0);
    }
});
