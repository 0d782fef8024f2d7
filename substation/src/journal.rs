//! Bookings on disk, so that a killed process comes back with its sessions.
//!
//! A real site's cars go on charging when its controller restarts. Here a booking is one line, written
//! before its answer leaves: whoever was told "booked" finds the session after a crash, and its
//! `Idempotency-Key` still answers for it. A line goes to the system in one write, so a killed process can
//! lose at most the booking that nobody was told of. (It is not forced to the disk: this survives the end of
//! the process, not of the machine.)
//!
//! The file only grows, and what it says is all there ever was: tests hold what clients were told against it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::book::{Book, Demand, Session};
use crate::ids::Id;
use crate::units::{Energy, Power};

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

/// The same moment on the clock that goes on and on the one that survives a restart.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    now: Instant,
    unix: Duration,
}

impl Journal {
    /// Opens the file, or makes it, and puts what it says into `book`.
    pub(crate) fn open(path: &Path, book: &mut Book, now: Instant) -> io::Result<Self> {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let clocks = Clocks { now, unix };
        let mut file = File::options().create(true).append(true).open(path)?;
        let text = fs::read_to_string(path)?;
        // What a crash cut short was never answered: it ends here, so that the next line is whole.
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

    /// Notes a booking, before it is answered.
    pub(crate) fn booked(
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

    /// Notes that a session was ended before its time.
    pub(crate) fn unplugged(&mut self, id: Id) -> io::Result<()> {
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

impl Clocks {
    fn unix_nanos(self, at: Instant) -> u64 {
        let unix = match at.checked_duration_since(self.now) {
            Some(later) => self.unix.saturating_add(later),
            None => self.unix.saturating_sub(self.now - at),
        };
        u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX)
    }

    /// A session as it was booked; what lies before the clock's own beginning begins with it.
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
