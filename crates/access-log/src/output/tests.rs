use std::{fs, io::Read, thread};

use super::*;

fn full() -> io::Error {
    ErrorKind::StorageFull.into()
}

#[test]
fn a_line_that_was_cut_is_finished_before_anything_else() {
    let (mut torn, mut disk) = (Torn::default(), Vec::new());
    // The disk takes so many bytes.
    let mut write = |torn: &mut Torn, lines: &[u8], room: usize| {
        let mut room = room;
        torn.write(lines, |bytes| {
            let taken = bytes.len().min(room);
            disk.extend_from_slice(&bytes[..taken]);
            room -= taken;
            (taken, (taken < bytes.len()).then(full))
        })
        .map_err(|lost| lost.lines)
    };
    assert_eq!(write(&mut torn, b"one\ntwo\n", 100), Ok(()));
    // The second line is begun, and the two behind it are lost.
    assert_eq!(write(&mut torn, b"three\nfour\nfive\nsix\n", 8), Err(2));
    assert_eq!(write(&mut torn, b"seven\n", 1), Err(1));
    assert_eq!(write(&mut torn, b"eight\nnine\n", 0), Err(2));
    assert_eq!(write(&mut torn, b"ten\n", 100), Ok(()));
    // Nothing of the next is begun.
    assert_eq!(write(&mut torn, b"eleven\ntwelve\n", 7), Err(1));
    assert!(torn.0.is_empty());
    assert_eq!(disk, b"one\ntwo\nthree\nfour\nten\neleven\n");
}

#[test]
fn pieces_are_whole_lines_and_fit_a_pipe() {
    let line = [&[b'x'; 999][..], b"\n"].concat();
    let lines = line.repeat(9);
    assert_eq!(piece_of(&lines).len(), 4_000);
    assert_eq!(piece_of(&line), line);
    assert_eq!(piece_of(&[b'x'; 5_000]).len(), IN_ONE_PIECE);
}

#[test]
fn a_file_is_appended_to_and_begins_with_a_whole_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let destination = Destination::File(path.clone());
    let mut output = Output::open(&destination).unwrap();
    output.write(b"one\n", |_| true).unwrap();
    fs::write(&path, "one\ntw").unwrap();
    let mut other = Output::open(&destination).unwrap();
    other.write(b"three\n", |_| true).unwrap();
    output.write(b"four\n", |_| true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\nfour\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o007, 0, "others can't read it");
}

#[test]
fn what_can_not_be_opened_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let said = |path: &Path| {
        let opened = Output::open(&Destination::File(path.to_owned()));
        opened.unwrap_err().to_string()
    };
    let missing = said(&directory.path().join("none/access.log"));
    assert!(missing.contains("make its directory"), "{missing}");
    let of_directory = said(directory.path());
    assert!(of_directory.contains("directory"), "{of_directory}");
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let unread = said(&pipe);
    assert!(unread.contains("no process reads"), "{unread}");
}

#[test]
fn a_full_disk_is_an_error_and_loses_whole_lines() {
    let mut output = Output::open(&Destination::File("/dev/full".into())).unwrap();
    let lost = output.write(b"one\ntwo\n", |_| true).unwrap_err();
    assert_eq!((lost.lines, lost.error.kind()), (2, ErrorKind::StorageFull));
    assert!(!output.is_torn());
}

#[test]
fn a_pipe_that_takes_nothing_is_waited_for_until_that_is_given_up() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut output = Output {
        destination: Destination::Stdout,
        file: File::from(std::os::fd::OwnedFd::from(writer)),
        is_regular: false,
        torn: Torn::default(),
    };
    let line = [&[b'x'; 999][..], b"\n"].concat();
    let lost = output.write(&line.repeat(1_000), |_| true).unwrap_err();
    assert_eq!(lost.error.kind(), ErrorKind::TimedOut);
    assert!(!output.is_torn(), "a pipe takes whole lines");
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).map(|_| all)
    });
    output.write(b"last\n", |_| false).unwrap();
    drop(output);
    let all = reader.join().unwrap().unwrap();
    assert_eq!(count(&all), 1_000 - lost.lines + 1);
    assert!(all.ends_with(b"x\nlast\n"));
}

#[test]
fn a_pipe_whose_reader_has_left_is_an_error() {
    let (reader, writer) = io::pipe().unwrap();
    let mut output = Output {
        destination: Destination::Stdout,
        file: File::from(std::os::fd::OwnedFd::from(writer)),
        is_regular: false,
        torn: Torn::default(),
    };
    drop(reader);
    let lost = output.write(b"one\n", |_| false).unwrap_err();
    assert_eq!((lost.lines, lost.error.kind()), (1, ErrorKind::BrokenPipe));
}
