//! Which processes know what the one before knew.
//!
//! A *family* is a line of processes of one proxy, each of which has what the one before knew: the next process of an
//! upgrade, and a restart after a graceful stop where there is a state file. A proxy that was killed begins a new one. Its
//! state file, if it has one, brings back what was written: all but the last moments before the death.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::world::{
    event::{Ending, Event, What},
    plan::Fault,
};

/// How long a write of a state file takes at most.
const WRITE: Duration = Duration::from_millis(500);

/// A line of processes with one memory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::judges) struct Family {
    /// The proxy.
    pub(in crate::judges) proxy: usize,
    /// Counts the families of this proxy.
    generation: usize,
}

/// One proxy's families.
#[derive(Default)]
struct Line {
    /// When each generation but the first began, and from when on it lacks what the one before knew; none: all of it.
    born: Vec<(Duration, Option<Duration>)>,
    /// The processes that run.
    running: BTreeSet<usize>,
    /// How and when the last one ended, where none runs.
    last: Option<(Ending, Duration)>,
    /// Whether its wall clock has ever jumped: by that clock the keys in a file are too old, or not.
    has_jumped: bool,
    /// Whether a process has ended otherwise than it should.
    has_died: bool,
}

/// All families.
pub(in crate::judges) struct Families {
    /// How often each proxy writes its state file, if it has one.
    files: Option<Duration>,
    lines: BTreeMap<usize, Line>,
}

impl Families {
    pub(super) fn new(files: Option<Duration>) -> Self {
        Self {
            files,
            lines: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, event: &Event) {
        match &event.what {
            What::Started {
                proxy,
                process,
                is_upgrade,
            } => {
                let files = self.files;
                let line = self.lines.entry(*proxy).or_default();
                let is_next = *is_upgrade && !line.running.is_empty();
                let is_first = line.running.is_empty() && line.last.is_none();
                line.running.insert(*process);
                if is_next || is_first {
                    return;
                }
                let last = line.last.take().zip(files.filter(|_| !line.has_jumped));
                match last {
                    Some(((Ending::Clean, _), _)) => {}
                    Some(((_, died), every)) => {
                        line.born.push((event.at, Some(unwritten(died, every))));
                    }
                    None => line.born.push((event.at, None)),
                }
            }
            What::Ended {
                proxy,
                process,
                how,
            } => {
                let files = self.files;
                let line = self.lines.entry(*proxy).or_default();
                line.running.remove(process);
                line.has_died |= *how != Ending::Clean;
                match line.running.last() {
                    None => line.last = Some((how.clone(), event.at)),
                    // It may have died before it told its successor what it knows. A successor that dies leaves the one
                    // before with all that it knew.
                    Some(newest) if *how != Ending::Clean && newest > process => {
                        let lacks = files.map(|every| unwritten(event.at, every));
                        line.born.push((event.at, lacks));
                    }
                    Some(_) => {}
                }
            }
            What::FaultBegan {
                fault: Fault::ClockJump { proxy, .. },
                ..
            } => self.lines.entry(*proxy).or_default().has_jumped = true,
            _ => {}
        }
    }

    /// The family of what is asked at a proxy now.
    pub(in crate::judges) fn of(&self, proxy: usize) -> Family {
        let generation = self.lines.get(&proxy).map_or(0, |line| line.born.len());
        Family { proxy, generation }
    }

    /// Whether a process of a proxy that has handed over is still there for its last clients.
    pub(in crate::judges) fn hands_over(&self, proxy: usize) -> bool {
        let line = self.lines.get(&proxy);
        line.is_some_and(|line| line.running.len() > 1)
    }

    /// Whether a process of a proxy has ever ended otherwise than it should.
    pub(in crate::judges) fn has_died(&self, proxy: usize) -> bool {
        self.lines.get(&proxy).is_some_and(|line| line.has_died)
    }

    /// Whether one family knows what another had learned by `then`.
    pub(in crate::judges) fn knows(&self, one: Family, other: Family, then: Duration) -> bool {
        if one.proxy != other.proxy || one.generation < other.generation {
            return false;
        }
        let born = self.lines.get(&one.proxy).map(|line| line.born.as_slice());
        let between = born
            .unwrap_or_default()
            .iter()
            .take(one.generation)
            .skip(other.generation);
        between
            .into_iter()
            .all(|(_, lacks)| lacks.is_some_and(|lacks| then < lacks))
    }
}

/// From when on a file may lack what its process knew, if it died then.
fn unwritten(died: Duration, every: Duration) -> Duration {
    died.saturating_sub(every + WRITE)
}
