//! What can be wrong with a state, and what to do about it.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why what another process left is not read. It costs nothing more: the process begins without it.
#[derive(Debug, Error)]
pub enum Refused {
    /// It does not begin as a state does.
    #[error("it is no state of switchyard: it does not begin with \"{}\"", crate::magic::MAGIC.escape_ascii())]
    Foreign,
    /// It ends too early.
    #[error("it is cut short: {0} bytes, and more were written")]
    Cut(usize),
    /// Its checksum is wrong.
    #[error("it is damaged: its checksum is {found:08x}, and its content has {computed:08x}")]
    Damaged {
        /// As written in it.
        found: u32,
        /// As computed from its content.
        computed: u32,
    },
    /// Its checksum is right, and its layout is not.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// Another version of switchyard wrote it.
    #[error(
        "it has version {found} of the layout, and this version of switchyard reads {ours}: to keep what it holds, copy \
         it now and start the version that wrote it"
    )]
    Version {
        /// As written in it.
        found: u16,
        /// The version that is read here.
        ours: u16,
    },
    /// It is larger than any that is written here.
    #[error("it is larger than {most} bytes, which is the most that is written")]
    TooLarge {
        /// The bound.
        most: usize,
    },
    /// The system can't read it.
    #[error("it can't be read: {0}")]
    Io(io::Error),
}

/// Why a section is left out.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Its layout is another one.
    #[error("it has version {found}, and this version of switchyard reads {ours}")]
    Version {
        /// As written.
        found: u16,
        /// As read here.
        ours: u16,
    },
    /// It can't be decoded.
    #[error("it can't be decoded: {0}")]
    Content(postcard::Error),
    /// It has more than was expected.
    #[error("it has {0} bytes more than it should")]
    Rest(usize),
}

/// Why a file can't hold the state of this process.
#[derive(Debug, Error)]
pub enum Fault {
    /// Another process has it.
    #[error(
        "{} is in use by another process: a file holds the state of one process; give each its own state.file, or \
         stop the other one, or take over from it with --upgrade",
        .0.display()
    )]
    InUse(PathBuf),
    /// It holds something else, which would be lost.
    #[error(
        "{} is {found}, and not a state file of switchyard: it is left alone; choose another state.file, or remove it \
         yourself if nobody needs it",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// It has no directory to be in.
    #[error(
        "{} can't be written, because there is no directory {}: create it, owned by the user of this process, or \
         choose another state.file",
        path.display(), directory.display()
    )]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// Where it should be.
        directory: PathBuf,
    },
    /// The system refuses.
    #[error("can't {what} {}: {reason}; the directory of state.file must be writable for the user of this process", path.display())]
    Path {
        /// The operation.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
}
