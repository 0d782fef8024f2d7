//! Where the writer writes to, and what becomes of lines that can't be written.

use std::{
    sync::atomic::Ordering::Acquire,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use crate::{
    Dropped,
    output::{Destination, Lost, Output, count},
    shared::Shared,
};

/// How long a pipe that takes nothing may hold up an order.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before a file is opened again that could not be opened.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// Where the writer stands.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Nothing is written.
    Off,
    Open {
        output: Output,
        /// Lines that were lost since the last that was written.
        lost: u64,
    },
    /// It could not be opened, and is opened again then.
    Closed {
        destination: Destination,
        again: Instant,
    },
}

impl Sink {
    pub(crate) const fn open(output: Output) -> Self {
        Self::Open { output, lost: 0 }
    }

    /// Writes lines, or counts them as dropped. `has_orders` says that others wait for the writer.
    pub(crate) fn write(&mut self, lines: &[u8], has_orders: bool, shared: &Shared) {
        if let Self::Closed { destination, again } = self
            && Instant::now() >= *again
        {
            match Output::open(destination) {
                Ok(output) => {
                    info!(log = %destination, "Access log opened again");
                    *self = Self::open(output);
                }
                Err(_) => *again = Instant::now() + OPEN_AGAIN,
            }
        }
        match self {
            // They belong to requests that began when there was an access log.
            Self::Off => {}
            Self::Closed { .. } => shared.metrics.dropped(Dropped::Open, count(lines)),
            Self::Open { output, lost } => {
                let gives_up =
                    |waited| waited >= PATIENCE && (has_orders || shared.is_ordered.load(Acquire));
                match output.write(lines, gives_up) {
                    Ok(()) if *lost > 0 => {
                        let (log, lines) = (output.destination(), *lost);
                        warn!(%log, lines, "Access log is written again: lines were lost");
                        *lost = 0;
                    }
                    Ok(()) => {}
                    Err(Lost { lines, error }) => {
                        if *lost == 0 {
                            let log = output.destination();
                            warn!(%log, %error, "Access log can't be written: lines are lost and counted");
                        }
                        // A line that is cut in the middle may yet be finished.
                        *lost += lines.max(1);
                        shared.metrics.dropped(Dropped::Write, lines);
                    }
                }
            }
        }
    }

    pub(crate) fn reopen(&mut self, shared: &Shared) {
        let destination = match self {
            Self::Off => return,
            Self::Open { output, .. } => output.destination().clone(),
            Self::Closed { destination, .. } => destination.clone(),
        };
        let opened = match Output::open(&destination) {
            Ok(output) => {
                info!(log = %destination, "Access log reopened");
                Self::open(output)
            }
            Err(error) => {
                warn!(%error, "Access log can't be reopened: its lines are lost and counted until it can");
                let again = Instant::now() + OPEN_AGAIN;
                Self::Closed { destination, again }
            }
        };
        self.replace(opened, shared);
    }

    pub(crate) fn replace(&mut self, next: Self, shared: &Shared) {
        if let Self::Open { output, .. } = self
            && output.is_torn()
        {
            // A last attempt: it will not be finished in another file.
            let _ = output.write(b"", |_| true);
            shared
                .metrics
                .dropped(Dropped::Write, u64::from(output.is_torn()));
        }
        *self = next;
    }
}
