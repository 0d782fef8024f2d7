//! Keeps the state file up to date.
//!
//! A write is made by a thread for blocking work, at most every `state.interval`, and so seldom that it takes no more than
//! a thousandth of a core; a limit that comes or goes is written within some milliseconds. Requests wait for none of it, except for the moment in which a part of the keys is copied. Only
//! one process writes: from the moment of a handover that is the new one.

use std::{path::PathBuf, sync::Arc, time::Duration};

use parking_lot::Mutex;
use switchyard_config as config;
use switchyard_process::vital::VitalTask;
use switchyard_state::{Fault, StateFile, cpu_time};
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{Carrier, Source, refused};
use crate::runtime::KeptState;

/// Writing takes one part of so many of a core's time.
const SHARE: u32 = 1_000;
/// The same while limits change, which are written soon: who has set one counts on it.
const SHARE_FOR_NEWS: u32 = 20;
/// The shortest time between two writes.
const SHORTEST: Duration = Duration::from_millis(20);

/// See the [module](self). Clones keep the same file.
#[derive(Clone, Debug)]
pub struct StateKeeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    carrier: Carrier,
    interval: Duration,
    path: PathBuf,
    /// Its lock is held while a write is made.
    file: Mutex<StateFile>,
    /// Whether this process is the one to write.
    turn: Mutex<Turn>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    /// Another process hands over yet, or this one has not read the file yet.
    Before,
    /// It writes.
    Has,
    /// The next process writes.
    Over,
}

impl StateKeeper {
    /// Looks at the file; it is neither locked nor read yet.
    pub fn open(wanted: &config::State, carrier: Carrier) -> Result<Self, Fault> {
        let file = StateFile::at(&wanted.file)?;
        let path = file.path().to_owned();
        carrier.runtime().keep_state(KeptState {
            file: path.clone(),
            ..KeptState::default()
        });
        Ok(Self(Arc::new(Inner {
            carrier,
            interval: wanted.interval,
            path,
            file: Mutex::new(file),
            turn: Mutex::new(Turn::Before),
            changed: Notify::new(),
        })))
    }

    /// Takes the file for this process, and goes on from what is in it. It is an error if another process has it.
    pub async fn begin(&self) -> Result<(), Fault> {
        self.blocking(|keeper| {
            let mut file = keeper.file.lock();
            file.lock()?;
            match file.read() {
                Ok(Some(state)) => keeper.carrier.restore_or_begin(&state, Source::File),
                Ok(None) => {
                    info!(file = %keeper.path.display(), "State file is new: nothing is known yet");
                }
                Err(error) => refused(Source::File, &error),
            }
            Ok(())
        })
        .await
        .unwrap_or(Ok(()))?;
        self.takes_turn();
        Ok(())
    }

    /// From now on this process writes, as soon as the old one has left the file.
    pub fn takes_turn(&self) {
        let mut turn = self.0.turn.lock();
        if *turn == Turn::Before {
            *turn = Turn::Has;
            self.0.changed.notify_one();
        }
    }

    /// From now on the next process writes. Returns at once; a write that is under way is the last.
    pub fn leaves_turn(&self) {
        *self.0.turn.lock() = Turn::Over;
        let keeper = Arc::clone(&self.0);
        drop(spawn_blocking(move || keeper.file.lock().unlock()));
    }

    /// Writes for the last time, at the end of the process.
    pub async fn finish(&self) {
        self.blocking(Inner::write).await;
    }

    /// Writes whenever it is due. Ends with the task.
    pub async fn run(self, vital: VitalTask) {
        vital
            .run_forever(|| {
                let keeper = self.clone();
                async move { keeper.write_regularly().await }
            })
            .await;
    }

    async fn write_regularly(&self) {
        loop {
            let begun = Instant::now();
            let took = match self.turn() {
                Turn::Before => {
                    self.0.changed.notified().await;
                    continue;
                }
                Turn::Has => self.blocking(Inner::write).await,
                Turn::Over => return std::future::pending().await,
            };
            let pause = |share| took.unwrap_or_default().saturating_mul(share);
            let news = async {
                self.0.carrier.runtime().limits.news().await;
                sleep_until(begun + pause(SHARE_FOR_NEWS).max(SHORTEST)).await;
            };
            tokio::select! {
                () = sleep_until(begun + pause(SHARE).max(self.0.interval)) => {}
                () = news => {}
            }
        }
    }

    fn turn(&self) -> Turn {
        *self.0.turn.lock()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Option<T> {
        let keeper = Arc::clone(&self.0);
        spawn_blocking(move || work(&keeper)).await.ok()
    }
}

impl Inner {
    /// Returns how much of a core's time it took.
    fn write(&self) -> Duration {
        let (begun, before) = (Instant::now(), cpu_time());
        let mut file = self.file.lock();
        if *self.turn.lock() != Turn::Has {
            return Duration::ZERO;
        }
        // The old process may have it for a moment yet.
        let mut bytes = 0;
        let locked = file.lock().map_err(|fault| fault.to_string());
        let written = locked.and_then(|()| {
            let state = self.carrier.carry();
            bytes = state.len();
            file.write(&state)
                .map_err(|error| format!("can't write {}: {error}", self.path.display()))
        });
        let runtime = self.carrier.runtime();
        let was_well = runtime.note_state(written.clone().map(|()| (bytes, begun.elapsed())));
        match written {
            Err(error) if was_well => {
                warn!(%error, "State file could not be written: a restart would forget what came since");
            }
            Ok(()) if !was_well => info!(bytes, "State file is written again"),
            _ => {}
        }
        cpu_time().saturating_sub(before)
    }
}
