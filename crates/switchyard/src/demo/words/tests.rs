//! The last line, for readers with other folders and other PATHs.

use std::fs;

use super::*;

#[test]
fn the_program_is_called_as_the_readers_shell_finds_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let built = root.join("target/release");
    let elsewhere = root.join("bin");
    for folder in [&built, &elsewhere] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("switchyard"), "").unwrap();
    }
    let exe = built.join("switchyard");
    let called = |folder: &Path, path: &[&Path]| {
        let path = path.iter().map(|&folder| folder.to_owned());
        program(Some(exe.clone()), Some(folder), path)
    };
    assert_eq!(called(&root, &[]), "target/release/switchyard");
    assert_eq!(called(&built, &[]), "./switchyard");
    assert_eq!(called(&elsewhere, &[]), exe.to_str().unwrap());
    assert_eq!(called(&root, &[&built]), "switchyard");
    assert_eq!(
        called(&root, &[&elsewhere, &built]),
        "target/release/switchyard",
        "the PATH finds another one first"
    );
}

#[test]
fn a_path_with_a_blank_is_one_word() {
    assert_eq!(quoted("my folder/it's"), r"'my folder/it'\''s'");
    assert_eq!(quoted("/opt/switchyard-0.1/bin"), "/opt/switchyard-0.1/bin");
}
