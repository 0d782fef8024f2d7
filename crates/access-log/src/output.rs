//! What lines are written to: a file, a pipe, a terminal.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use memchr::{memchr, memchr_iter, memrchr};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
};
use thiserror::Error;

use crate::LONGEST_LINE;

/// What a pipe takes in one piece, also from two writers (`PIPE_BUF`). A line is shorter.
const IN_ONE_PIECE: usize = LONGEST_LINE;
/// How long a wait for room lasts until the writer looks whether it is told something else.
const LOOK: Duration = Duration::from_millis(100);
/// Access logs say who did what: their owner and group may read them.
const MODE: u32 = 0o640;

/// Where lines go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// The file at this path, which is made if it is missing.
    File(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// A destination that can't be opened.
#[derive(Debug, Error)]
#[error(
    "{destination} can't be opened to append to it: {reason}{}",
    advice(reason)
)]
pub struct Unopened {
    destination: Destination,
    /// The system's error. Not called `source`: it is part of the message and would be printed twice.
    reason: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "; make its directory",
        _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            "; it is a pipe that no process reads: start its reader first"
        }
        _ => "",
    }
}

/// A destination that is open.
#[derive(Debug)]
pub struct Output {
    destination: Destination,
    file: File,
    /// It takes any number of bytes, and does not make the writer wait for a reader.
    is_regular: bool,
    torn: Torn,
}

/// Lines that were not written.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) lines: u64,
    pub(crate) error: io::Error,
}

impl Output {
    /// Opens a destination. May block for as long as the system takes to open a file; does not wait for the reader of a
    /// named pipe.
    pub fn open(destination: &Destination) -> Result<Self, Unopened> {
        let opened = match destination {
            // A descriptor without the standard library's buffer and lock.
            Destination::Stdout => io::stdout()
                .as_fd()
                .try_clone_to_owned()
                .map(|owned| (File::from(owned), None)),
            Destination::File(path) => append_to(path).map(|file| (file, Some(&**path))),
        };
        let opened = opened.and_then(|(mut file, path)| {
            let metadata = file.metadata()?;
            let kind = metadata.file_type();
            if kind.is_block_device() {
                return Err(io::Error::other("it is a disk and not a file"));
            }
            if let Some(path) = path.filter(|_| kind.is_file()) {
                // If it fails, so does the next line, and that is said.
                let _ = end_last_line(&mut file, path, metadata.len());
            }
            Ok((file, kind.is_file()))
        });
        let (file, is_regular) = opened.map_err(|reason| Unopened {
            destination: destination.clone(),
            reason,
        })?;
        Ok(Self {
            destination: destination.clone(),
            file,
            is_regular,
            torn: Torn::default(),
        })
    }

    /// Where it leads.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Writes whole lines. Waits for room in a pipe until `gives_up`, which is given how long nothing was taken.
    pub(crate) fn write(
        &mut self,
        lines: &[u8],
        gives_up: impl Fn(Duration) -> bool,
    ) -> Result<(), Lost> {
        let Self {
            file,
            is_regular,
            torn,
            ..
        } = self;
        torn.write(lines, |bytes| put(file, *is_regular, bytes, &gives_up))
    }

    /// Whether it ends in the middle of a line.
    pub(crate) fn is_torn(&self) -> bool {
        !self.torn.0.is_empty()
    }
}

/// The rest of a line whose beginning is written.
#[derive(Debug, Default)]
struct Torn(Vec<u8>);

impl Torn {
    /// Writes whole lines by `put`, which returns how much it has written and why that is not all. Where only a part of a
    /// line could be written, the rest of it goes before what comes next.
    fn write(
        &mut self,
        lines: &[u8],
        mut put: impl FnMut(&[u8]) -> (usize, Option<io::Error>),
    ) -> Result<(), Lost> {
        if let (written, Some(error)) = put(&self.0) {
            self.0.drain(..written.min(self.0.len()));
            let lines = count(lines);
            return Err(Lost { lines, error });
        }
        self.0.clear();
        let (written, Some(error)) = put(lines) else {
            return Ok(());
        };
        let (done, mut lost) = lines.split_at(written.min(lines.len()));
        if done.last().is_some_and(|last| *last != b'\n') {
            let end = memchr(b'\n', lost).map_or(lost.len(), |at| at + 1);
            let (rest, others) = lost.split_at(end);
            self.0.extend_from_slice(rest);
            lost = others;
        }
        let lines = count(lost);
        Err(Lost { lines, error })
    }
}

/// Writes as much as it can. Returns how much that is, and why it is not all.
fn put(
    file: &mut File,
    is_regular: bool,
    bytes: &[u8],
    gives_up: impl Fn(Duration) -> bool,
) -> (usize, Option<io::Error>) {
    let (mut written, mut waited) = (0, Duration::ZERO);
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        if !is_regular {
            match has_room(file) {
                Ok(true) => {}
                Ok(false) if gives_up(waited) => {
                    return (written, Some(ErrorKind::TimedOut.into()));
                }
                Ok(false) => {
                    waited += LOOK;
                    continue;
                }
                Err(error) => return (written, Some(error)),
            }
        }
        let piece = if is_regular { rest } else { piece_of(rest) };
        match file.write(piece) {
            Ok(0) => return (written, Some(ErrorKind::WriteZero.into())),
            Ok(count) => (written, waited) = (written + count, Duration::ZERO),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process took the room.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}

/// Waits a little for room.
fn has_room(file: &File) -> io::Result<bool> {
    let look = Timespec::try_from(LOOK).ok();
    let mut polled = [PollFd::new(file, PollFlags::OUT)];
    match poll(&mut polled, look.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How many lines these bytes are.
pub(crate) fn count(lines: &[u8]) -> u64 {
    u64::try_from(memchr_iter(b'\n', lines).count()).unwrap_or(u64::MAX)
}

fn append_to(path: &Path) -> io::Result<File> {
    // A named pipe without a reader is an error then, and does not hold up the proxy. It means nothing for a file.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(MODE)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| {
            let is_socket = fs::metadata(path).is_ok_and(|of| of.file_type().is_socket());
            // The system says the same of it as of a pipe without a reader.
            if is_socket {
                io::Error::other("it is a socket and not a file")
            } else {
                error
            }
        })
}

/// Ends the line that another process has left unfinished, as on a full disk.
fn end_last_line(file: &mut File, path: &Path, length: u64) -> io::Result<()> {
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        File::open(path)?.read_exact_at(&mut last, at)?;
    }
    if last == *b"\n" {
        return Ok(());
    }
    file.write_all(b"\n")
}

/// As many whole lines as a pipe takes in one piece.
fn piece_of(lines: &[u8]) -> &[u8] {
    let Some(most) = lines.get(..IN_ONE_PIECE) else {
        return lines;
    };
    match memrchr(b'\n', most) {
        Some(end) => most.get(..=end).unwrap_or(most),
        None => most,
    }
}

#[cfg(test)]
mod tests;
