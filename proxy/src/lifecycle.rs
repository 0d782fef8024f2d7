//! Start and stop of the process: when it starts to serve, which process it takes over from, which process takes over
//! from it (hot restart), and what the service manager is notified of.

use std::{
    env, ffi::OsString, io, net::TcpListener, os::unix::net::UnixListener, path::PathBuf,
    process::Command, thread, time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{task::JoinHandle, time::timeout};
use tracing::{info, warn};

use switchyard_handover::{self as handover, HandoverServer, Predecessor, SocketPath, Successor};
use switchyard_process::signals;

use crate::{
    carried::Frozen,
    server::{Ending, Error, StartGate},
    systemd,
};

/// How long readiness waits for the first round of samples; substations may come later.
const FIRST_SAMPLES: Duration = Duration::from_secs(10);

/// How long a new process tries to reach a substation. It must be shorter than the time for which the old process
/// waits.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// The command line option that asks for an upgrade.
pub const UPGRADE: &str = "--upgrade";

/// The handover from the old process and the handover to the next one.
#[derive(Debug, Default)]
pub struct Lifecycle {
    predecessor: Option<Predecessor>,
    path: Option<SocketPath>,
    listener: Option<UnixListener>,
    /// Whether this process listens at the path.
    owns_path: bool,
    restart: Option<RestartCommand>,
    /// Ends with the old process, which asks until then.
    asked: Option<JoinHandle<()>>,
}

/// How this process was started, to start its successor the same way.
#[derive(Debug)]
struct RestartCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Lifecycle {
    /// Prepares handovers over a socket at `path`, if one is given. With `is_upgrade`, takes over from the process that
    /// listens there. Returns the inherited listening sockets.
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
        let lifecycle = Self {
            predecessor,
            owns_path: listener.is_some(),
            listener,
            path: Some(path),
            restart: RestartCommand::capture(),
            asked: None,
        };
        Ok((lifecycle, sockets))
    }

    /// Runs from the first sample to the decision to stop. `stop` completes when a signal asks the process to stop, and
    /// `sockets` are handed to a successor.
    pub async fn run(
        mut self,
        gate: StartGate,
        sockets: Vec<TcpListener>,
        mut stop: BoxFuture<'static, ()>,
    ) -> Ending {
        let successor = tokio::select! {
            () = &mut stop => None,
            successor = self.wait_for_successor(&gate, sockets) => match successor {
                Ok(successor) => Some(successor),
                Err(error) => return Ending::Failed(error),
            },
        };
        let Some((successor, frozen)) = successor else {
            systemd::stopping("Finishing requests in flight");
            tokio::select! {
                () = gate.leave() => {}
                () = signals::terminated() => info!("Second signal came: the proxy stops at once"),
            }
            // No successor will connect: remove the socket, and ignore it if missing.
            if let (Some(path), true) = (&self.path, self.owns_path) {
                let _ = path.close();
            }
            return Ending::Stop;
        };
        info!(process = successor.process(), "New process took over");
        if let Some(process) = successor.process() {
            systemd::main_process(process);
        }
        // Before it hears that this process drains, and that it may write.
        gate.ends_connections();
        gate.leaves_turn();
        let relay = successor.confirm().await.inspect_err(
            |error| warn!(%error, "This process could not confirm the handover to the new one"),
        );
        // Before it decides again.
        if frozen.is_some() {
            gate.follow(relay.ok());
        }
        drop(frozen);
        Ending::HandedOver {
            force: stop,
            asked: self.asked,
        }
    }

    /// Opens the gate, and waits for a successor that is ready.
    async fn wait_for_successor(
        &mut self,
        gate: &StartGate,
        sockets: Vec<TcpListener>,
    ) -> Result<(Successor, Option<Frozen>), Error> {
        let mut upgrade = signals::Watch::user_defined2();
        let is_first = self.predecessor.is_none();
        if let Some(predecessor) = self.predecessor.take() {
            self.take_over(gate, predecessor).await?;
        } else {
            gate.begin().await?;
            gate.open();
        }
        let server = match self.listener.take() {
            Some(listener) => HandoverServer::new(listener, sockets)
                .inspect_err(|error| warn!(%error, "Upgrades disabled: upgrade socket unavailable"))
                .ok(),
            None => None,
        };
        let successor = async {
            match &server {
                Some(server) => {
                    let (successor, kept) = server.successor(|| gate.hand_over()).await;
                    let (frozen, paused) = kept.unwrap_or_else(|| (None, gate.pause_commands()));
                    // Nobody hears of what this process is told from now on.
                    paused.for_good();
                    (successor, frozen)
                }
                None => std::future::pending().await,
            }
        };
        tokio::pin!(successor);
        if is_first {
            // It has the sockets, so it can hand them over before its first samples too.
            tokio::select! {
                successor = &mut successor => return Ok(successor),
                _ = timeout(FIRST_SAMPLES, gate.ready()) => {}
            }
        }
        systemd::ready("Listening for charge requests");
        loop {
            tokio::select! {
                successor = &mut successor => return Ok(successor),
                () = upgrade.next() => self.start_successor(),
            }
        }
    }

    async fn take_over(&mut self, gate: &StartGate, predecessor: Predecessor) -> Result<(), Error> {
        if timeout(TAKE_OVER, gate.ready()).await.is_err() {
            return Err(Error::Unready(TAKE_OVER));
        }
        match predecessor.state().await {
            Ok(Some(state)) => gate.restore(state).await,
            Ok(None) => {}
            // It has died, so this process must serve, with what the old one has written last.
            Err(handover::Error::Disconnected(error)) => {
                warn!(%error, "Old process ended before it handed its state over");
                if let Err(error) = gate.begin().await {
                    warn!(%error, "State file can't be read: this process begins without it");
                }
            }
            // It lives, and serves better than a process that knows nothing.
            Err(error) => return Err(error.into()),
        }
        gate.open();
        match predecessor.take_over().await {
            Ok(relay) => {
                info!("This process took over from the old one");
                self.asked = Some(gate.answer(relay));
            }
            // It has died or hangs. In either case this process must serve.
            Err(error) => {
                warn!(%error, "Old process did not confirm that it is stopping");
            }
        }
        gate.takes_turn();
        if let Some(path) = &self.path {
            self.listener = path
                .replace()
                .inspect_err(|error| warn!(%error, "Upgrades disabled: upgrade socket unavailable"))
                .ok();
            self.owns_path = self.listener.is_some();
        }
        Ok(())
    }

    fn start_successor(&self) {
        let Some(restart) = &self.restart else {
            warn!("SIGUSR2 ignored: start with --upgrade-socket to allow upgrades");
            return;
        };
        info!(program = %restart.program.display(), "SIGUSR2: starting a new process");
        if let Err(error) = restart.start() {
            warn!(%error, "New process could not be started");
        }
    }
}

impl RestartCommand {
    /// Captured at the start: once the file is replaced, the system reports this process's program as deleted.
    fn capture() -> Option<Self> {
        let program = env::current_exe().ok()?;
        let mut arguments: Vec<_> = env::args_os().skip(1).collect();
        if !arguments.iter().any(|argument| argument == UPGRADE) {
            arguments.push(UPGRADE.into());
        }
        Some(Self { program, arguments })
    }

    fn start(&self) -> io::Result<()> {
        let mut child = Command::new(&self.program).args(&self.arguments).spawn()?;
        // Reaps the child in case it ends before this process does.
        thread::Builder::new()
            .name("successor".to_owned())
            .spawn(move || {
                if let Ok(status) = child.wait() {
                    warn!(%status, "New process exited");
                }
            })?;
        Ok(())
    }
}
