//! Files, read whole and only if they end.
//!
//! Opening a named pipe waits for its writer, and reading a device may never end. Whoever can place a file where the
//! proxy reads one could hang it so, at its start or, worse, at a reload. Only a regular file is read, or a link to
//! one, as Kubernetes mounts them. The descriptor decides, not the path, since the file may be exchanged in between.

use std::{
    fs::{File, FileType, Metadata, OpenOptions},
    io::{self, ErrorKind, Read, Take},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

/// Reads a whole file of at most `most` bytes.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    if file.metadata()?.len() > limit {
        return Err(too_large(most));
    }
    let mut content = Vec::new();
    // A file may grow while it is read, and those of /proc have no size.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() > most {
        return Err(too_large(most));
    }
    Ok(content)
}

/// Reads a whole file of at most `most` bytes of UTF-8.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        invalid(format!("it is not UTF-8: byte {} is no text", at + 1))
    })
}

/// Opens a regular file, without waiting for anything else that may have its name.
pub fn open(path: &Path) -> io::Result<File> {
    // First by its path: to open some devices does something.
    require_regular(&path.metadata()?)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(never_waiting())
        .open(path)?;
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file to append to it, and makes it if there is none.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    match path.metadata() {
        Ok(found) => require_regular(&found)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(never_waiting())
        .open(path)?;
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a pipe or a device to write to it. A pipe without a reader is an error: opening it would wait for a reader.
pub fn open_special_to_write(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(never_waiting())
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(code) if code == Errno::NXIO.raw_os_error() => {
                invalid("no process reads this pipe: start its reader first".to_owned())
            }
            _ => error,
        })?;
    // A write waits for the reader, as usual.
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// What `from` gives, which ends in an error where that is more than `most` bytes.
pub fn limited(from: impl Read, most: usize) -> impl Read {
    let left = u64::try_from(most).unwrap_or(u64::MAX);
    Limited {
        from: from.take(left.saturating_add(1)),
        most,
    }
}

#[derive(Debug)]
struct Limited<R> {
    from: Take<R>,
    most: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        if self.from.limit() == 0 {
            return Err(too_large(self.most));
        }
        Ok(count)
    }
}

/// Refuses everything but a regular file.
fn require_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    Err(invalid(format!(
        "it is {}, and only a regular file is read, because anything else may never end",
        kind(found.file_type())
    )))
}

/// What a file is, in words.
#[must_use]
pub fn kind(found: FileType) -> &'static str {
    if found.is_file() {
        "a regular file"
    } else if found.is_dir() {
        "a directory"
    } else if found.is_symlink() {
        "a symbolic link"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Opening does not wait for the other end of a pipe, nor does a terminal become the process's own.
fn never_waiting() -> i32 {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.bits().cast_signed()
}

fn too_large(most: usize) -> io::Error {
    let (number, unit) = match most {
        _ if most.is_multiple_of(1 << 20) => (most >> 20, "MiB"),
        _ if most.is_multiple_of(1 << 10) => (most >> 10, "KiB"),
        _ => (most, "bytes"),
    };
    invalid(format!(
        "it is larger than {number} {unit}, the most that is read of such a file"
    ))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        os::unix::{fs::symlink, net::UnixListener},
        process::Command,
        sync::mpsc,
        thread,
        time::Duration,
    };

    use super::*;

    /// What `read` says of a file, which must not take long.
    fn refusal(path: &Path) -> String {
        let (answer, answered) = mpsc::channel();
        let path = path.to_owned();
        thread::spawn(move || answer.send(read(&path, 8).unwrap_err().to_string()));
        answered.recv_timeout(Duration::from_secs(5)).unwrap()
    }

    fn pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn only_a_regular_file_is_read_and_nothing_else_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "12345678").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("link", at("link-to-link")).unwrap();
        for name in ["file", "link", "link-to-link"] {
            assert_eq!(read(&at(name), 8).unwrap(), b"12345678", "{name}");
        }
        pipe(&at("pipe"));
        symlink("pipe", at("link-to-pipe")).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        for (path, kind) in [
            (at("pipe"), "it is a pipe, and only"),
            (at("link-to-pipe"), "it is a pipe, and only"),
            (at("socket"), "it is a socket, and only"),
            (at(""), "it is a directory, and only"),
            ("/dev/zero".into(), "it is a device, and only"),
            (at("missing"), "No such file"),
        ] {
            let told = refusal(&path);
            assert!(told.starts_with(kind), "{}: {told}", path.display());
        }
    }

    #[test]
    fn a_file_is_as_large_as_its_limit_and_no_larger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "123456789").unwrap();
        assert_eq!(read(&path, 9).unwrap().len(), 9);
        let told = read(&path, 8).unwrap_err().to_string();
        assert!(told.contains("larger than 8 bytes"), "{told}");
        // Sparse: it takes no room, and reading it all would.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let told = read(&path, 1 << 20).unwrap_err().to_string();
        assert!(told.contains("larger than 1 MiB"), "{told}");
        // Without a size, and without an end that matters.
        let told = read(Path::new("/proc/self/maps"), 64)
            .unwrap_err()
            .to_string();
        assert!(told.contains("larger than 64 bytes"), "{told}");
    }

    #[test]
    fn a_pipe_is_written_to_where_somebody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        pipe(&path);
        let told = open_special_to_write(&path).unwrap_err().to_string();
        assert!(told.contains("no process reads this pipe"), "{told}");
        // More than a pipe holds.
        let long = vec![b'x'; 1 << 20];
        let at = path.clone();
        let reader = thread::spawn(move || fs::read(at).unwrap());
        let mut to = loop {
            if let Ok(open) = open_special_to_write(&path) {
                break open;
            }
            thread::yield_now();
        };
        to.write_all(&long).unwrap();
        drop(to);
        assert_eq!(reader.join().unwrap(), long);
    }

    #[test]
    fn a_stream_ends_in_an_error_where_it_is_too_long() {
        let read = |text: &'static str| {
            let mut all = String::new();
            limited(text.as_bytes(), 4)
                .read_to_string(&mut all)
                .map(|_| all)
        };
        assert_eq!(read("1234").unwrap(), "1234");
        let told = read("12345").unwrap_err().to_string();
        assert!(told.contains("larger than 4 bytes"), "{told}");
    }

    #[test]
    fn text_is_utf_8_and_the_first_other_byte_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"ab\xff").unwrap();
        let told = read_text(&path, 8).unwrap_err().to_string();
        assert_eq!(told, "it is not UTF-8: byte 3 is no text");
    }

    #[test]
    fn only_a_regular_file_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(open_to_append(&at("new")).is_ok());
        assert!(open_to_append(&at("new")).is_ok());
        pipe(&at("pipe"));
        let told = open_to_append(&at("pipe")).unwrap_err().to_string();
        assert!(told.starts_with("it is a pipe"), "{told}");
    }
}
