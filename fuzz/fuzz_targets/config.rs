//! No text makes the reader of configurations panic or look anything up. What it takes reads back the same from how it is
//! shown, and what it refuses it explains: each fault names a place and a rule, in a line.

#![no_main]

use std::ffi::{c_char, c_int, c_void};

use libfuzzer_sys::fuzz_target;
use switchyard_bounded::yaml;
use switchyard_config::{Config, Error, Fault};

/// What a fault says of a value is cut, so that one line of a file does not fill the log.
const LONGEST_FAULT: usize = 4 * 1024;
/// The most faults of one file, and the line that says that there are more.
const MOST_FAULTS: usize = 101;

/// In place of the system's resolver: no name has an address. The fuzzer asks for many, and must reach no server.
///
/// # Safety
///
/// None of its arguments is read.
// SAFETY: the name and the types are those of POSIX, and a code other than zero promises nothing of `_result`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    _node: *const c_char,
    _service: *const c_char,
    _hints: *const c_void,
    _result: *mut *mut c_void,
) -> c_int {
    const EAI_NONAME: c_int = -2;
    EAI_NONAME
}

fn check_fault(fault: &Fault, tree: &yaml::Node) {
    let shown = fault.to_string();
    assert!(
        shown.len() <= LONGEST_FAULT,
        "{} bytes: {shown}",
        shown.len()
    );
    assert!(!shown.contains('\n'), "{shown}");
    assert!(fault.rule.len() >= 4, "no rule: {shown:?}");
    // A fault without a place is one of the whole file.
    let is_whole = !matches!(tree, yaml::Node::Map(entries) if !entries.is_empty());
    let is_rest = fault.rule.starts_with("and more");
    let is_named = !fault.path.is_empty() || !fault.value.is_empty();
    assert!(is_named || is_whole || is_rest, "no place: {shown:?}");
}

fuzz_target!(|text: &str| {
    match Config::from_yaml(text, "file") {
        Ok(config) => {
            for advice in config.advice() {
                assert!(!advice.to_string().is_empty());
            }
            // JSON is YAML.
            let shown = serde_json::to_string(&config).expect("a configuration is shown");
            let again = Config::from_yaml(&shown, "shown");
            assert_eq!(again.ok().as_ref(), Some(&config), "{shown}");
        }
        Err(Error::Faults(faults)) => {
            let tree = yaml::read(text).expect("it was read before");
            assert!((1..=MOST_FAULTS).contains(&faults.faults.len()));
            for fault in &faults.faults {
                check_fault(fault, &tree);
            }
        }
        Err(Error::Syntax { source, .. }) => {
            assert_eq!(yaml::read(text).err(), Some(source));
        }
        Err(Error::Read { .. }) => panic!("nothing is read from a file"),
    }
});
