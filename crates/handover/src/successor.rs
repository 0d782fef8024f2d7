//! The old process's side.

use std::{io, net::TcpListener, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{ANSWER_TIMEOUT, READY_TIMEOUT, protocol};

/// The pause after a failed accept, so that it does not fail in a busy loop.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves the listening sockets to a successor.
#[derive(Debug)]
pub struct HandoverServer {
    listener: UnixListener,
    sockets: Vec<TcpListener>,
}

/// The new process, which accepts from the same sockets and waits until this process confirms that it stops.
#[derive(Debug)]
pub struct Successor {
    stream: UnixStream,
    process: Option<u32>,
}

impl HandoverServer {
    /// Serves `sockets` to the process that connects to `listener`. Needs a tokio runtime.
    pub fn new(
        listener: std::os::unix::net::UnixListener,
        sockets: Vec<TcpListener>,
    ) -> io::Result<Self> {
        let listener = UnixListener::from_std(listener)?;
        Ok(Self { listener, sockets })
    }

    /// Completes once a new process has the sockets and is ready. A process that fails before that is logged and
    /// changes nothing.
    pub async fn successor(&self) -> Successor {
        loop {
            let candidate = match self.listener.accept().await {
                Ok((stream, _)) => self.hand_over(stream).await,
                Err(error) => {
                    sleep(PAUSE).await;
                    Err(error)
                }
            };
            match candidate {
                Ok(Some(successor)) => return successor,
                // Only a check whether a process listens here.
                Ok(None) => {}
                Err(error) => {
                    warn!(%error, "Handover failed: this process continues");
                }
            }
        }
    }

    async fn hand_over(&self, mut stream: UnixStream) -> io::Result<Option<Successor>> {
        let peer = stream.peer_cred()?;
        if peer.uid() != rustix::process::geteuid().as_raw() {
            let message = format!(
                "requested by user {}, not by this process's own user",
                peer.uid()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let process = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        let sent = stream.async_io(Interest::WRITABLE, || {
            protocol::send(&stream, &self.sockets)
        });
        match timeout(ANSWER_TIMEOUT, sent).await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
            sent => sent.map_err(io::Error::from)??,
        }
        info!(process, "Listening sockets sent to a new process");
        match timeout(READY_TIMEOUT, stream.read_u8()).await {
            Ok(Ok(protocol::READY)) => Ok(Some(Successor { stream, process })),
            Ok(Ok(_)) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the new process sent something other than its word of being ready",
            )),
            Ok(Err(error)) => Err(io::Error::new(
                error.kind(),
                "the new process ended before it was ready",
            )),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the new process was not ready within {READY_TIMEOUT:?}"),
            )),
        }
    }
}

impl Successor {
    /// Its process id, if the system reports it.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// Confirms to it that this process accepts no more.
    pub async fn confirm(mut self) -> io::Result<()> {
        timeout(ANSWER_TIMEOUT, self.stream.write_u8(protocol::DRAINING)).await?
    }
}
