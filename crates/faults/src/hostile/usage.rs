//! What a process holds, read from `/proc`.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often a [`Watch`] looks.
const EVERY: Duration = Duration::from_millis(20);
/// The unit of CPU time in `/proc`: the kernel shows hundredths of a second to programs, whatever its own clock is.
const TICK: Duration = Duration::from_millis(10);

/// What a process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// CPU time since it was started, in steps of 10 ms.
    pub cpu: Duration,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Usage {
    /// That of this process. Nothing, if there is none.
    #[must_use]
    pub fn of(process: u32) -> Self {
        Self {
            resident: resident(process).unwrap_or(0),
            cpu: cpu(process).unwrap_or_default(),
            descriptors: fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count),
        }
    }

    /// That of this process and the processes that it has started, such as the workers of nginx.
    #[must_use]
    pub fn of_family(process: u32) -> Self {
        let mut family = vec![process];
        family.extend(children(process));
        family
            .into_iter()
            .map(Self::of)
            .fold(Self::default(), |sum, one| Self {
                resident: sum.resident + one.resident,
                cpu: sum.cpu + one.cpu,
                descriptors: sum.descriptors + one.descriptors,
            })
    }
}

fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// The fields of `/proc/PID/stat` behind the name, which may contain anything: the first is the state.
fn stat(process: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn cpu(process: u32) -> Option<Duration> {
    let fields = stat(process)?;
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(TICK * (ticks(11)? + ticks(12)?))
}

fn children(process: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = process.to_string();
    numbers
        .filter(|number| stat(*number).is_some_and(|fields| fields.get(1) == Some(&parent)))
        .collect()
}

/// Keeps the most memory that a process has held.
#[derive(Debug)]
pub struct Watch {
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches this process and those that it has started, until it is dropped.
    #[must_use]
    pub fn start(process: u32) -> Self {
        let most = Arc::new(AtomicU64::new(Usage::of_family(process).resident));
        let is_over = Arc::new(AtomicBool::new(false));
        let (kept, over) = (Arc::clone(&most), Arc::clone(&is_over));
        let mut family = children(process);
        family.push(process);
        let thread = thread::spawn(move || {
            while !over.load(Relaxed) {
                let all = family.iter().filter_map(|process| resident(*process));
                kept.fetch_max(all.sum(), Relaxed);
                thread::sleep(EVERY);
            }
        });
        Self {
            most,
            is_over,
            thread: Some(thread),
        }
    }

    /// The most memory so far, in bytes.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most.load(Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
