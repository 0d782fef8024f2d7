//! What a process may run short of when it makes a connection. Such an error says nothing about the other end.

use std::{fmt, io};

/// What this machine or process has no more of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shortage {
    /// Local ports for connections to one address, or an address of this machine to connect from.
    Ports,
    /// File descriptors, of the process or of the whole system.
    Files,
    /// Memory for a socket or its buffers.
    Memory,
}

impl Shortage {
    /// Every shortage.
    pub const ALL: [Self; 3] = [Self::Ports, Self::Files, Self::Memory];

    /// The shortage that an error reports, if it reports one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        if error.kind() == io::ErrorKind::AddrNotAvailable {
            return Some(Self::Ports);
        }
        of_code(error.raw_os_error()?)
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Files => "files",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for Shortage {
    /// What is used up, and what to do about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ports => {
                "no local port is free (EADDRNOTAVAIL): widen net.ipv4.ip_local_port_range"
            }
            Self::Files => {
                "no file descriptor is free (EMFILE or ENFILE): raise the limit of open files"
            }
            Self::Memory => {
                "there is no memory for another socket (ENOBUFS or ENOMEM): give this machine more"
            }
        })
    }
}

#[cfg(unix)]
fn of_code(code: i32) -> Option<Shortage> {
    use nix::errno::Errno;
    match Errno::from_raw(code) {
        Errno::EMFILE | Errno::ENFILE => Some(Shortage::Files),
        Errno::ENOBUFS | Errno::ENOMEM => Some(Shortage::Memory),
        _ => None,
    }
}

#[cfg(not(unix))]
fn of_code(_: i32) -> Option<Shortage> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn only_what_this_side_lacks_is_a_shortage() {
        let of = |errno: Errno| Shortage::of(&io::Error::from_raw_os_error(errno as i32));
        assert_eq!(of(Errno::EADDRNOTAVAIL), Some(Shortage::Ports));
        for files in [Errno::EMFILE, Errno::ENFILE] {
            assert_eq!(of(files), Some(Shortage::Files), "{files}");
        }
        for memory in [Errno::ENOBUFS, Errno::ENOMEM] {
            assert_eq!(of(memory), Some(Shortage::Memory), "{memory}");
        }
        for theirs in [
            Errno::ECONNREFUSED,
            Errno::ECONNRESET,
            Errno::EHOSTUNREACH,
            Errno::ENETUNREACH,
            Errno::ETIMEDOUT,
            Errno::EPIPE,
        ] {
            assert_eq!(of(theirs), None, "{theirs}");
        }
        assert_eq!(Shortage::of(&io::ErrorKind::TimedOut.into()), None);
    }
}
