//! The beginning of a line.

use super::*;

#[test]
fn a_line_begins_with_a_date_and_the_process() {
    let mut line = String::new();
    Stamp::new()
        .format_time(&mut Writer::new(&mut line))
        .unwrap();
    let (time, process) = line.split_once(' ').unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
    assert_eq!((&time[4..5], &time[10..11]), ("-", "T"), "{line}");
    assert!(process.ends_with(&format!("[{}]", process::id())), "{line}");
}

#[test]
fn a_process_is_named_by_its_program_without_the_folder() {
    let path = Path::new("/usr/local/bin/switchyard");
    assert_eq!(name(Some(path), 4711), "switchyard[4711]");
    assert_eq!(name(None, 1), "process[1]");
}
