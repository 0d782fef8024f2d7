//! The proxies: real ones, each process in a node of its own, started as the program's command line starts it.
//!
//! What a supervisor does is done here: start, upgrade, stop, kill, start again.

mod commands;
mod configuration;
mod process;

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    event::{Ending, What},
    operator::TOKEN,
    plan::{Machine, Plan, Victim},
    record::Record,
};

pub(super) use configuration::{host, targets, write};
use process::Process;

/// The port for charges.
pub(crate) const PORT: u16 = 8080;
/// The admin port.
pub(crate) const ADMIN_PORT: u16 = 9901;
/// How often a supervisor looks at a process.
const LOOK: Duration = Duration::from_millis(20);
/// The longest that a supervisor waits for a handover: a new process gives up before that.
const HANDOVER: Duration = Duration::from_secs(40);
/// How long after its time a process that was told to stop counts as one that hangs.
const SLACK: Duration = Duration::from_secs(2);
/// How long a process is left in peace at its beginning.
const YOUTH: Duration = Duration::from_millis(100);
/// How often the supervisor asks whether a process is ready.
const ASK: Duration = Duration::from_millis(50);

/// A proxy, one process after another.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) id: usize,
    plan: Arc<Plan>,
    record: Record,
    /// For its configuration, state and upgrade socket.
    folder: PathBuf,
    processes: Mutex<Vec<Process>>,
    /// Held by whatever starts and ends processes.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Proxy {
    /// Writes its files into a folder of its own.
    pub(super) fn new(
        id: usize,
        plan: Arc<Plan>,
        record: Record,
        all: &std::path::Path,
    ) -> io::Result<Arc<Self>> {
        let folder = all.join(format!("p{id}"));
        fs::create_dir(&folder)?;
        let token = folder.join("token");
        fs::write(&token, TOKEN)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        let proxy = Self {
            id,
            plan,
            record,
            folder,
            processes: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        proxy.configure(Duration::ZERO)?;
        Ok(Arc::new(proxy))
    }

    /// Where it takes charges.
    pub(super) fn charges(&self) -> SocketAddr {
        (Machine::Proxy(self.id).ip(), PORT).into()
    }

    fn admin(&self) -> SocketAddr {
        (Machine::Proxy(self.id).ip(), ADMIN_PORT).into()
    }

    /// Replaces its configuration by one in which a poll takes so much longer.
    pub(super) fn configure(&self, longer: Duration) -> io::Result<()> {
        let text = configuration::yaml(&self.plan, self.id, &self.folder, longer);
        write(&self.folder.join("switchyard.yaml"), &text)
    }

    /// Starts a process, unless one runs.
    pub(super) fn start(self: &Arc<Self>) {
        if !self.runs() {
            self.launch(false);
        }
    }

    fn launch(self: &Arc<Self>, is_upgrade: bool) {
        let mut processes = self.processes();
        let number = processes.len();
        self.record.tell(What::Started {
            proxy: self.id,
            process: number,
            is_upgrade,
        });
        processes.push(Process::start(
            self.id,
            number,
            is_upgrade,
            &self.folder,
            self.record.clone(),
        ));
        drop(processes);
        let proxy = Arc::clone(self);
        tokio::spawn(async move { proxy.announce(number, is_upgrade).await });
    }

    /// Says when a process is ready: by its admin port, or, in an upgrade, once the one before has handed over.
    async fn announce(&self, number: usize, is_upgrade: bool) {
        loop {
            let is_ready = if is_upgrade {
                self.processes()
                    .get(number - 1)
                    .is_none_or(Process::is_replaced)
            } else {
                self.is_ready().await
            };
            if self.processes().get(number).is_none_or(Process::has_ended) {
                return;
            }
            if is_ready {
                return self.record.tell(What::Ready {
                    proxy: self.id,
                    process: number,
                });
            }
            sleep(ASK).await;
        }
    }

    /// Lets another process take over, and waits until it has. After `kills` one of the two is killed.
    pub(super) async fn upgrade(self: &Arc<Self>, kills: Option<(Duration, Victim)>) {
        if !self.runs() {
            return;
        }
        let old = self.processes().len() - 1;
        self.launch(true);
        let began = Instant::now();
        let mut kills = kills;
        while began.elapsed() < HANDOVER {
            if let Some((after, victim)) = kills
                && began.elapsed() >= after.max(YOUTH)
            {
                self.kill_number(if victim == Victim::Old { old } else { old + 1 });
                kills = None;
            }
            let is_over = {
                let processes = self.processes();
                let is = |at: usize, of: fn(&Process) -> bool| processes.get(at).is_none_or(of);
                is(old, |process| process.is_replaced() || process.has_ended())
                    || is(old + 1, Process::has_ended)
            };
            if is_over && kills.is_none() {
                break;
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until no process is so young that it holds what all proxies of the simulation share: they are in one process
    /// of the real system, and a library that is set up for the first time would stay half set up.
    pub(super) async fn grown(&self) {
        while self.processes().iter().any(|process| process.age() < YOUTH) {
            sleep(LOOK).await;
        }
    }

    /// Stops all its processes, and waits until they have ended; what hangs is killed.
    pub(super) async fn stop(&self) {
        let count = self.processes().len();
        for (number, process) in self.processes().iter_mut().enumerate() {
            if !process.has_ended() && process.stop() {
                self.record.tell(What::ToldToStop {
                    proxy: self.id,
                    process: number,
                });
            }
        }
        let deadline = Instant::now() + self.plan.settings.stop() + SLACK;
        while self.runs_any() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        for number in 0..count {
            self.end(number, Ending::Hangs);
        }
    }

    /// Kills all its processes.
    pub(super) fn kill(&self) {
        let count = self.processes().len();
        (0..count).for_each(|number| self.kill_number(number));
    }

    fn kill_number(&self, number: usize) {
        self.end(number, Ending::Killed);
    }

    fn end(&self, number: usize, how: Ending) {
        let mut processes = self.processes();
        let process = processes.get_mut(number);
        let Some(process) = process.filter(|process| !process.has_ended()) else {
            return;
        };
        process.kill();
        drop(processes);
        self.record.tell(What::Ended {
            proxy: self.id,
            process: number,
            how,
        });
    }

    /// Whether a process serves that has not been told to stop.
    pub(super) fn runs(&self) -> bool {
        self.processes().iter().any(Process::serves)
    }

    fn runs_any(&self) -> bool {
        self.processes().iter().any(|process| !process.has_ended())
    }

    /// Sets how far the wall clocks of its processes are off.
    pub(super) fn set_wall_offset(&self, by: Duration, is_back: bool) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let nanos = if is_back { -nanos } else { nanos };
        self.processes()
            .iter()
            .for_each(|process| process.set_wall_offset(nanos));
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Process>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
