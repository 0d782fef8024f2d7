//! From the first sample to the last answer: when the proxy opens, whom it takes over from, who comes after
//! it, and what the service manager hears of it.

use std::{
    env, ffi::OsString, io, net::TcpListener, os::unix::net::UnixListener, path::PathBuf,
    process::Command, thread, time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tracing::{info, warn};

use switchyard_handover::{self as handover, HandoverServer, Predecessor, SocketPath, Successor};
use switchyard_process::signals;

use crate::{
    server::{Ending, StartGate},
    systemd,
};

/// How long the service manager is kept waiting for the first samples: substations may come later.
const FIRST_SAMPLES: Duration = Duration::from_secs(10);

/// How long a process that is to take over tries to get its first samples. It has to be shorter than what its
/// predecessor waits.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// How the upgrade is asked for.
pub const UPGRADE: &str = "--upgrade";

/// What was arranged for the handover, before and after.
#[derive(Debug, Default)]
pub struct Lifecycle {
    predecessor: Option<Predecessor>,
    path: Option<SocketPath>,
    listener: Option<UnixListener>,
    /// Whether who comes to the path meets this process.
    is_met: bool,
    restart: Option<RestartCommand>,
}

/// How this process was started, so that its successor can be.
#[derive(Debug)]
struct RestartCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Lifecycle {
    /// Arranges to be succeeded by way of a socket at `path`, if one is given, and to succeed who listens there
    /// if `is_upgrade`. Returns the listening sockets that were inherited.
    pub fn arrange(
        path: Option<PathBuf>,
        is_upgrade: bool,
    ) -> Result<(Self, Vec<TcpListener>), handover::Error> {
        let Some(path) = path else {
            return Ok(Default::default());
        };
        let path = SocketPath::at(path)?;
        let (predecessor, sockets) = if is_upgrade {
            let (predecessor, sockets) = Predecessor::connect(&path)?;
            (Some(predecessor), sockets)
        } else {
            (None, Vec::new())
        };
        let listener = match predecessor {
            Some(_) => None,
            None => Some(path.open()?),
        };
        let life = Self {
            predecessor,
            is_met: listener.is_some(),
            listener,
            path: Some(path),
            restart: RestartCommand::learn(),
        };
        Ok((life, sockets))
    }

    /// Lives it. `told` completes when the process is told to end, and `sockets` are what a successor gets.
    pub async fn live(
        mut self,
        gate: StartGate,
        sockets: Vec<TcpListener>,
        mut told: BoxFuture<'static, ()>,
    ) -> Ending {
        let successor = tokio::select! {
            () = &mut told => None,
            ending = self.course(&gate, sockets) => match ending {
                Ok(successor) => Some(successor),
                Err(ending) => return ending,
            },
        };
        let Some(successor) = successor else {
            systemd::stopping("Finishing the requests in hand");
            // Nobody is left who could be met there; a path that is gone already is as good.
            if let (Some(path), true) = (&self.path, self.is_met) {
                let _ = path.close();
            }
            return Ending::Told;
        };
        info!(process = successor.process(), "A new process takes over");
        if let Some(process) = successor.process() {
            systemd::succeeded_by(process);
        }
        if let Err(error) = successor.confirm().await {
            warn!(%error, "The new process could not be told that this one ends");
        }
        Ending::HandedOver { force: told }
    }

    /// Opens the gate, and waits for a successor.
    async fn course(
        &mut self,
        gate: &StartGate,
        sockets: Vec<TcpListener>,
    ) -> Result<Successor, Ending> {
        let mut upgrade = signals::Watch::user_defined2();
        if let Some(predecessor) = self.predecessor.take() {
            self.take_over(gate, predecessor).await?;
        } else {
            gate.open();
            let _ = timeout(FIRST_SAMPLES, gate.ready()).await;
        }
        systemd::ready("Taking charge requests");
        let server = match self.listener.take() {
            Some(listener) => HandoverServer::new(listener, sockets)
                .inspect_err(|error| warn!(%error, "No upgrade will be possible"))
                .ok(),
            None => None,
        };
        let successor = async {
            match &server {
                Some(server) => server.successor().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(successor);
        loop {
            tokio::select! {
                successor = &mut successor => return Ok(successor),
                () = upgrade.next() => self.start_successor(),
            }
        }
    }

    async fn take_over(
        &mut self,
        gate: &StartGate,
        predecessor: Predecessor,
    ) -> Result<(), Ending> {
        if timeout(TAKE_OVER, gate.ready()).await.is_err() {
            return Err(Ending::Unready { waited: TAKE_OVER });
        }
        gate.open();
        match predecessor.take_over().await {
            Ok(()) => info!("Took over from the process that ran before"),
            // It has died or hangs; in either case somebody has to take the requests.
            Err(error) => {
                warn!(%error, "The process that ran before did not say that it ends");
            }
        }
        if let Some(path) = &self.path {
            self.listener = path
                .replace()
                .inspect_err(|error| warn!(%error, "No upgrade will be possible"))
                .ok();
            self.is_met = self.listener.is_some();
        }
        Ok(())
    }

    fn start_successor(&self) {
        let Some(restart) = &self.restart else {
            warn!("SIGUSR2: no upgrade without --upgrade-socket");
            return;
        };
        info!(program = %restart.program.display(), "SIGUSR2: starting a new process");
        if let Err(error) = restart.start() {
            warn!(%error, "The new process could not be started");
        }
    }
}

impl RestartCommand {
    /// Learned at the start: once the file is replaced, the system names this process's own as deleted.
    fn learn() -> Option<Self> {
        let program = env::current_exe().ok()?;
        let mut arguments: Vec<_> = env::args_os().skip(1).collect();
        if !arguments.iter().any(|argument| argument == UPGRADE) {
            arguments.push(UPGRADE.into());
        }
        Some(Self { program, arguments })
    }

    fn start(&self) -> io::Result<()> {
        let mut child = Command::new(&self.program).args(&self.arguments).spawn()?;
        // Somebody has to wait for it, should it end before this process does.
        thread::Builder::new()
            .name("successor".to_owned())
            .spawn(move || {
                if let Ok(status) = child.wait() {
                    warn!(%status, "The new process ended");
                }
            })?;
        Ok(())
    }
}
