//! What a running proxy lets the world outside it decide: when it begins to take requests, and how it ends.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::watch, time::sleep};

use crate::runtime::Runtime;

/// How often it is looked whether the first samples are in.
const LOOK: Duration = Duration::from_millis(5);

/// A proxy that runs, but takes no requests until it is told to.
#[derive(Debug)]
pub struct StartGate {
    pub(super) open: watch::Sender<bool>,
    pub(super) runtime: Arc<Runtime>,
}

impl StartGate {
    /// From here on requests are taken. A gate that is dropped before never takes any.
    pub fn open(&self) {
        // Where nobody waits for it, all workers are gone already.
        let _ = self.open.send(true);
    }

    /// Completes once every substation was asked and one at least has told its load.
    pub async fn ready(&self) {
        while !self.runtime.now().grid.is_ready() {
            sleep(LOOK).await;
        }
    }
}

/// How the proxy is to end.
pub enum Ending {
    /// Nobody comes after it: connections are refused from now on, and idle ones dropped.
    Stop,
    /// Another process accepts from the same sockets. Connections may be used once more, with an answer that
    /// closes them, or idle for as long as they might have otherwise; unless `force` completes, from when on it
    /// ends as if told to.
    HandedOver {
        /// No more patience.
        force: BoxFuture<'static, ()>,
    },
    /// It was to take over, and can't.
    Unready {
        /// How long it tried.
        waited: Duration,
    },
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "Stop",
            Self::HandedOver { .. } => "HandedOver",
            Self::Unready { .. } => "Unready",
        })
    }
}
