//! Bookings on disk, so that a killed process comes back with its sessions.
//!
//! The cars of a real site go on charging when its controller restarts. Here a booking is one line, written
//! before its response leaves. A client that got "booked" finds its session after a crash, and its
//! `Idempotency-Key` still stands for it. A line goes to the system in one write, so a killed process loses
//! at most the one booking that it has not answered. The line is not forced to the disk: a booking survives
//! the end of the process, not of the machine.
//!
//! The file only grows, and holds every booking: tests compare it with what clients were told.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use switchyard_bounded::file;
use tokio::time::Instant;

use crate::book::Book;
use crate::ids::Id;
use crate::session::{Demand, Session};
use crate::units::{Energy, Power};

/// The largest journal that is read, in bytes: some five million bookings.
const LARGEST: usize = 1 << 30;

/// One line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Booked(Booked),
    /// Ended before its time. A session that ends in time needs no line.
    Unplugged {
        session: String,
    },
}

#[derive(Debug, Deserialize, Serialize)]
struct Booked {
    session: String,
    power_milliwatts: u64,
    energy_milliwatt_hours: u64,
    /// Nanoseconds since the Unix epoch, as `ends`.
    began: u64,
    ends: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    clocks: Clocks,
}

/// The same moment on the monotonic clock and on the clock that survives a restart.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    now: Instant,
    unix: Duration,
}

impl Journal {
    /// Opens the file, or creates it, and restores its bookings into `book`.
    pub(crate) fn open(path: &Path, book: &mut Book, now: Instant) -> io::Result<Self> {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let clocks = Clocks { now, unix };
        let mut file = file::open_to_append(path)?;
        let text = file::read_text(path, LARGEST)?;
        require_journal(&text)?;
        // The booking of a line that a crash cut short was never answered. End it, so that the next is whole.
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let lines: Vec<Line> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let unplugged: HashSet<&str> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Unplugged { session } => Some(session.as_str()),
                Line::Booked(_) => None,
            })
            .collect();
        for line in &lines {
            if let Line::Booked(booked) = line
                && let Some(id) = Id::parse(&booked.session)
            {
                let mut session = clocks.session(booked);
                if unplugged.contains(booked.session.as_str()) {
                    session.ends = session.ends.min(now);
                }
                book.restore(id, session, booked.key.as_deref());
            }
        }
        Ok(Self { file, clocks })
    }

    /// Writes a booking. Call it before the response leaves.
    pub(crate) fn write_booking(
        &mut self,
        id: Id,
        session: &Session,
        request_id: Option<&str>,
        key: Option<&str>,
    ) -> io::Result<()> {
        self.write(&Line::Booked(Booked {
            session: id.to_string(),
            power_milliwatts: session.demand.power.milliwatts(),
            energy_milliwatt_hours: session.demand.energy.milliwatt_hours(),
            began: self.clocks.unix_nanos(session.began),
            ends: self.clocks.unix_nanos(session.ends),
            request_id: request_id.map(str::to_owned),
            key: key.map(str::to_owned),
        }))
    }

    /// Writes that a session was ended before its time.
    pub(crate) fn write_unplugging(&mut self, id: Id) -> io::Result<()> {
        self.write(&Line::Unplugged {
            session: id.to_string(),
        })
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }
}

/// Refuses a text that is something else: bookings would be appended to it.
fn require_journal(text: &str) -> io::Result<()> {
    let is_line = |line: &str| serde_json::from_str::<Line>(line).is_ok();
    // A crash may have cut the only line short.
    if text.lines().next().is_none_or(is_line) || text.starts_with("{\"booked\":") {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "it holds something else than bookings, to which they would be appended: choose another folder",
    ))
}

impl Clocks {
    fn unix_nanos(self, at: Instant) -> u64 {
        let unix = match at.checked_duration_since(self.now) {
            Some(later) => self.unix.saturating_add(later),
            None => self.unix.saturating_sub(self.now - at),
        };
        u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX)
    }

    /// A session as it was booked. A moment before the monotonic clock's beginning becomes now.
    fn session(self, booked: &Booked) -> Session {
        let instant = |nanos: u64| {
            let unix = Duration::from_nanos(nanos);
            match unix.checked_sub(self.unix) {
                Some(later) => self.now.checked_add(later),
                None => self.now.checked_sub(self.unix.saturating_sub(unix)),
            }
            .unwrap_or(self.now)
        };
        Session {
            demand: Demand {
                power: Power::from_milliwatts(booked.power_milliwatts),
                energy: Energy::from_milliwatt_hours(booked.energy_milliwatt_hours),
            },
            began: instant(booked.began),
            ends: instant(booked.ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    fn open(path: &Path) -> io::Result<Journal> {
        let now = Instant::now();
        let mut book = Book::new(Power::from_milliwatts(1), 1.0, now);
        Journal::open(path, &mut book, now)
    }

    #[tokio::test]
    async fn bookings_are_appended_to_nothing_but_bookings() {
        let folder = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s1.journal");
        for journal in [
            "",
            "{\"booked\":{\"sess",
            "{\"unplugged\":{\"session\":\"x\"}}\n",
        ] {
            fs::write(&path, journal).unwrap();
            assert!(open(&path).is_ok(), "{journal}");
        }
        for other in ["root:x:0:0\n", "precious", "{}\n"] {
            fs::write(&path, other).unwrap();
            let told = open(&path).unwrap_err().to_string();
            assert!(told.contains("something else than bookings"), "{told}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        fs::remove_file(&path).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let told = open(&path).unwrap_err().to_string();
        assert!(told.starts_with("it is a pipe"), "{told}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
