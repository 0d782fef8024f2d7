//! Output streams that take nothing.

use std::{
    fs::OpenOptions,
    io::{self, PipeReader, Write},
    process::Stdio,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Where the standard error or standard output of a process leads, when nothing comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    /// To a pipe whose reader is gone: every write fails.
    Gone,
    /// To a disk that is full: every write fails.
    Full,
    /// To a full pipe that no process reads: every write blocks.
    Unread,
}

impl Deaf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gone, Self::Full, Self::Unread];

    /// The stream for the process, and what has to be kept as long as it runs.
    #[must_use]
    pub fn open(self) -> (Stdio, Option<PipeReader>) {
        if self == Self::Full {
            let full = OpenOptions::new().write(true).open("/dev/full");
            return (full.unwrap().into(), None);
        }
        let (reader, mut writer) = io::pipe().unwrap();
        if self == Self::Gone {
            return (writer.into(), None);
        }
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        while writer.write(b"x").is_ok() {}
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        (writer.into(), Some(reader))
    }
}
