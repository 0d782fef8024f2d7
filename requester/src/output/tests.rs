//! Files before and after they are written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn a_file_is_replaced_as_a_whole_and_is_as_readable_as_any_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, "old and longer").unwrap();
    let output = Output::prepare(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old and longer");
    output.write(b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    let usual = folder.path().join("usual");
    File::create(&usual).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&usual));
}

#[test]
fn an_output_that_is_not_written_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    drop(Output::prepare(&folder.path().join("report.json")).unwrap());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_target_of_a_link_is_replaced_and_not_the_link() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    Output::prepare(&link).unwrap().write(b"new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
}

#[test]
fn a_folder_is_refused_and_a_device_stays_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let error = Output::prepare(folder.path()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    let null = Path::new("/dev/null");
    Output::prepare(null).unwrap().write(b"new").unwrap();
    assert!(!null.metadata().unwrap().is_file());
}
