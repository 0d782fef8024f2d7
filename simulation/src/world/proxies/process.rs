//! A process of a proxy.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use switchyard_config::Config;
use switchyard_proxy::{
    lifecycle::Lifecycle,
    server::{self, Ending as Decision, Listeners},
};
use switchyard_simulated_kernel::{Node, Usage};
use switchyard_tls::Credentials;
use tokio::sync::oneshot;

use super::super::{
    event::{Ending, What},
    plan::Machine,
    record::Record,
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Process {
    since: Instant,
    node: Node,
    stop: Option<oneshot::Sender<()>>,
    is_replaced: Arc<AtomicBool>,
    has_ended: Arc<AtomicBool>,
}

impl Process {
    pub(super) fn start(
        proxy: usize,
        number: usize,
        is_upgrade: bool,
        folder: &Path,
        record: Record,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (is_replaced, has_ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let start = Start {
            folder: folder.to_owned(),
            is_upgrade,
            stopped,
            replaced: {
                let (record, is_replaced) = (record.clone(), Arc::clone(&is_replaced));
                Box::new(move || {
                    is_replaced.store(true, SeqCst);
                    record.tell(What::Replaced {
                        proxy,
                        process: number,
                    });
                })
            },
        };
        let ended = Arc::clone(&has_ended);
        let node = Node::start(
            &format!("p{proxy}"),
            Machine::Proxy(proxy).ip(),
            move || {
                let how = match catch_unwind(AssertUnwindSafe(|| start.run())) {
                    Ok(Ok(())) => Ending::Clean,
                    Ok(Err(error)) => Ending::Failed(without_paths(&format!("{error:#}"))),
                    Err(_) => Ending::Panicked,
                };
                ended.store(true, SeqCst);
                record.tell(What::Ended {
                    proxy,
                    process: number,
                    how,
                });
            },
        );
        Self {
            since: Instant::now(),
            node,
            stop: Some(stop),
            is_replaced,
            has_ended,
        }
    }

    /// Tells it to stop. False: it was told before.
    pub(super) fn stop(&mut self) -> bool {
        self.stop.take().is_some_and(|stop| stop.send(()).is_ok())
    }

    pub(super) fn kill(&mut self) {
        // To drop it would wake a task of a process that is gone.
        std::mem::forget(self.stop.take());
        self.has_ended.store(true, SeqCst);
        self.node.kill();
    }

    /// How long ago it was started.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(SeqCst)
    }

    /// Whether it has handed over to the next.
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(SeqCst)
    }

    /// Whether it runs and has neither handed over nor been told to stop.
    pub(super) fn serves(&self) -> bool {
        !self.has_ended() && !self.is_replaced() && self.stop.is_some()
    }

    pub(super) fn usage(&self) -> Usage {
        self.node.usage()
    }

    pub(super) fn set_wall_offset(&self, nanos: i64) {
        self.node.set_wall_offset(nanos);
    }
}

/// What the command line of the program gets.
struct Start {
    folder: PathBuf,
    is_upgrade: bool,
    /// In place of SIGTERM.
    stopped: oneshot::Receiver<()>,
    replaced: Box<dyn FnOnce() + Send>,
}

impl Start {
    /// What the program does with it.
    fn run(self) -> anyhow::Result<()> {
        let file = self.folder.join("switchyard.yaml");
        let config = Config::load(&file)?;
        let credentials = Credentials::load(&config, "switchyard.yaml")?;
        let socket = self.folder.join("private/upgrade.sock");
        let (lifecycle, inherited) = Lifecycle::arrange(Some(socket), self.is_upgrade)?;
        let listeners = Listeners::inherit(&config, inherited)?;
        let sockets = listeners.duplicates().context("listeners")?;
        let (stopped, replaced) = (self.stopped, self.replaced);
        let stop = Box::pin(async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        server::run(config, Some(file), credentials, listeners, |gate| async {
            let decision = lifecycle.run(gate, sockets, stop).await;
            if let Decision::HandedOver { .. } = decision {
                replaced();
            }
            decision
        })?;
        Ok(())
    }
}

/// The words of a message that name no file of this machine: the log of a day is the same everywhere.
fn without_paths(message: &str) -> String {
    let words = message
        .split(' ')
        .map(|word| if word.contains('/') { "PATH" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
