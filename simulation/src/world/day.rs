//! A day from its first minute to its last.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{interval, sleep, sleep_until, timeout},
};

use super::{
    Error, Event,
    event::{Checkpoint, What},
    plan::Plan,
    record::Record,
    town::Town,
};

/// How often judges see what has happened.
const JUDGED: Duration = Duration::from_millis(100);
/// The longest that the first request waits until all proxies are ready.
const READY: Duration = Duration::from_secs(12);
/// The longest that a fault may take beyond its time: a stop, a handover or a command that waits for another.
const FAULTS: Duration = Duration::from_mins(2);

/// Lets the day of `plan` happen.
pub(super) fn live(plan: &Plan, judge: &mut dyn FnMut(&Event)) -> Result<(), Error> {
    let folder = folder()?;
    let lived = in_folder(plan, &folder, judge);
    fs::remove_dir_all(&folder)?;
    Ok(lived?)
}

fn in_folder(plan: &Plan, folder: &Path, judge: &mut dyn FnMut(&Event)) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The runtimes of a process share a pipe for signals, which must outlive every node.
        let _pipe = signal(SignalKind::user_defined2())?;
        let record = Record::begin();
        let town = Town::start(Arc::new(plan.clone()), record.clone(), folder)?;
        let mut looks = interval(JUDGED);
        let mut day = tokio::spawn(day(town));
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                ended = &mut day => {
                    record.take().iter().for_each(judge);
                    return ended.map_err(io::Error::other);
                }
            }
            record.take().iter().for_each(&mut *judge);
        }
    })
}

async fn day(town: Arc<Town>) {
    let (plan, record) = (Arc::clone(&town.plan), town.record.clone());
    let at = |time: Duration| sleep_until(record.moment(time).into());
    at(plan.begins).await;
    let _ = timeout(READY, town.ready()).await;
    town.look(Checkpoint::Start).await;
    town.open();
    let faults = plan.faults.iter().cloned();
    let faults: Vec<_> = faults
        .map(|fault| tokio::spawn(Arc::clone(&town).suffer(fault)))
        .collect();
    at((plan.begins + plan.calm_from) / 2).await;
    town.look(Checkpoint::Storm).await;
    at(plan.calm_from).await;
    let _ = timeout(FAULTS, all(faults)).await;
    town.tidy().await;
    // The faults may have taken longer than planned.
    let calm = record.now();
    let poll = plan.settings.interval;
    for polls in [0, 5, 10] {
        at(calm + poll * polls).await;
        town.look(Checkpoint::Calm(polls)).await;
    }
    at(calm + plan.ends.saturating_sub(plan.calm_from)).await;
    town.close().await;
    sleep(plan.settings.idle + poll * 3).await;
    town.look(Checkpoint::End).await;
    town.come_back().await;
    for proxy in &town.proxies {
        proxy.stop().await;
    }
}

impl Town {
    async fn ready(&self) {
        for proxy in &self.proxies {
            while !proxy.is_ready().await {
                sleep(JUDGED).await;
            }
        }
    }

    /// Asks every proxy what it says of itself.
    async fn look(&self, checkpoint: Checkpoint) {
        self.record.tell(What::Reached(checkpoint));
        for proxy in &self.proxies {
            if let Some((process, probe)) = proxy.probe().await {
                self.record.tell(What::Probed {
                    proxy: proxy.id,
                    process,
                    checkpoint,
                    probe,
                });
            }
        }
    }
}

async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        let _ = task.await;
    }
}

/// Removes what the day of this process has left, if it was ended before its end.
pub fn clean_up(process: u32) {
    // Most have left nothing.
    let _ = fs::remove_dir_all(folder_of(process));
}

/// The folder of the day of a process. Its name has a constant length, and it is in memory where the system has such a
/// place.
fn folder_of(process: u32) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    parent.join(format!("switchyard-simulation-{process:010}"))
}

/// A new folder for this process.
fn folder() -> io::Result<PathBuf> {
    // The number of the process that the system knows: two simulations may run at once.
    let process = fs::read_link("/proc/self")?;
    let process = process.to_string_lossy().parse().unwrap_or_default();
    clean_up(process);
    let folder = folder_of(process);
    fs::create_dir(&folder)?;
    Ok(folder)
}
