//! The old process's side.
//!
//! A process that connects is no successor yet: it may be a check whether anything listens here, or a process that
//! hangs. So each connection is heard on its own, for a few seconds, and only one that has greeted as a successor does
//! gets the sockets. From then on it has a minute to become ready, and further ones are told that an upgrade is under
//! way: two that took over at once would both serve.

use std::{
    future::{Future, pending},
    io::{self, ErrorKind},
    net::TcpListener,
    pin::Pin,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use super::{
    ANSWER_TIMEOUT, FROZEN_TIMEOUT, LARGEST_STATE, READY_TIMEOUT, Relay, STATE_TIMEOUT, protocol,
};

/// The pause after a failed accept, so that it does not fail in a busy loop.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a connection may stay silent. A new process greets at once, and waits longer for the answer.
const GREETING: Duration = Duration::from_secs(3);
/// The most connections that are heard at once; further ones wait in the system's queue.
const MOST_HEARD: usize = 64;

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
    ///
    /// If it asks for the state, `carry` makes it: the bytes, none to say nothing, and what keeps them true. That is
    /// dropped if the new process fails, and returned if it is ready.
    pub async fn successor<K: Send, F>(
        &self,
        carry: impl Fn() -> F + Sync,
    ) -> (Successor, Option<K>)
    where
        F: Future<Output = (Vec<u8>, K)> + Send,
    {
        // Those that have not greeted yet.
        let mut heard = JoinSet::new();
        // The one that has the sockets, until it is ready.
        let mut candidate: Option<Pin<Box<dyn Future<Output = _> + Send + '_>>> = None;
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if heard.len() < MOST_HEARD => match accepted {
                    Ok((stream, _)) => drop(heard.spawn(hear(stream))),
                    Err(error) => {
                        failed(&error);
                        sleep(PAUSE).await;
                    }
                },
                Some(greeted) = heard.join_next() => match greeted {
                    Ok(Ok(Some(greeted))) if candidate.is_none() => {
                        candidate = Some(Box::pin(self.hand_over(greeted, &carry)));
                    }
                    Ok(Ok(Some(mut greeted))) => {
                        // It may have gone.
                        let _ = timeout(ANSWER_TIMEOUT, greeted.stream.write_u8(protocol::BUSY)).await;
                        failed(&io::Error::other("another new process has the listening sockets already"));
                    }
                    // Only a check whether a process listens here.
                    Ok(Ok(None)) => {}
                    Ok(Err(error)) => failed(&error),
                    Err(error) => failed(&io::Error::other(error)),
                },
                outcome = async {
                    match &mut candidate {
                        Some(candidate) => candidate.await,
                        None => pending().await,
                    }
                } => {
                    candidate = None;
                    match outcome {
                        Ok(successor) => return successor,
                        Err(error) => failed(&error),
                    }
                }
            }
        }
    }

    /// Sends the sockets, and waits until the new process is ready.
    async fn hand_over<K, F>(
        &self,
        greeted: Successor,
        carry: &(impl Fn() -> F + Sync),
    ) -> io::Result<(Successor, Option<K>)>
    where
        F: Future<Output = (Vec<u8>, K)> + Send,
    {
        let Successor {
            mut stream,
            process,
        } = greeted;
        let sent = stream.async_io(Interest::WRITABLE, || {
            protocol::send(&stream, &self.sockets)
        });
        timeout(ANSWER_TIMEOUT, sent).await??;
        info!(process, "Listening sockets sent to a new process");
        let mut kept = None;
        match hear_next(&mut stream, READY_TIMEOUT).await? {
            protocol::READY => {}
            protocol::STATE => {
                let begun = Instant::now();
                let (state, keeps) = timeout(STATE_TIMEOUT, carry()).await?;
                // From here on, to fail drops it.
                kept = Some(keeps);
                timeout(STATE_TIMEOUT, send_state(&mut stream, &state)).await??;
                info!(process, bytes = state.len(), took = ?begun.elapsed(), "State sent to a new process");
                drop(state);
                if hear_next(&mut stream, FROZEN_TIMEOUT).await? != protocol::READY {
                    return Err(garbled());
                }
            }
            _ => return Err(garbled()),
        }
        Ok((Successor { stream, process }, kept))
    }
}

async fn send_state(stream: &mut UnixStream, state: &[u8]) -> io::Result<()> {
    let length = u64::try_from(state.len()).unwrap_or(u64::MAX);
    if length > LARGEST_STATE {
        warn!(
            bytes = length,
            "State too large for a handover: the new process begins without"
        );
        return stream.write_u64(0).await;
    }
    stream.write_u64(length).await?;
    stream.write_all(state).await
}

/// The next byte of the new process.
async fn hear_next(stream: &mut UnixStream, patience: Duration) -> io::Result<u8> {
    match timeout(patience, stream.read_u8()).await {
        Ok(Ok(byte)) => Ok(byte),
        Ok(Err(error)) => Err(io::Error::new(
            error.kind(),
            "the new process ended before it was ready",
        )),
        Err(_) => Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("the new process was not ready within {patience:?}"),
        )),
    }
}

fn garbled() -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        "the new process sent something other than its word of being ready",
    )
}

fn failed(error: &io::Error) {
    warn!(%error, "Handover failed: this process continues");
}

/// Waits for the greeting of a new process; `None` if it only checks whether a process listens here.
async fn hear(mut stream: UnixStream) -> io::Result<Option<Successor>> {
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own {
        return Err(foreign(peer.uid(), own));
    }
    let process = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    let error = match timeout(GREETING, stream.read_u8()).await {
        Ok(Ok(protocol::VERSION)) => return Ok(Some(Successor { stream, process })),
        Ok(Ok(other)) => io::Error::new(ErrorKind::InvalidData, other_version(other)),
        Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Ok(Err(error)) => return Err(error),
        Err(_) => io::Error::new(
            ErrorKind::TimedOut,
            format!(
                "process {} connected and said nothing for {GREETING:?}: a new process of version {} greets at once",
                process.unwrap_or_default(),
                char::from(protocol::VERSION)
            ),
        ),
    };
    // Without a socket: it tells a process of another version which one this is.
    let _ = timeout(ANSWER_TIMEOUT, stream.write_u8(protocol::VERSION)).await;
    Err(error)
}

fn other_version(byte: u8) -> String {
    let ours = char::from(protocol::VERSION);
    match protocol::version(byte) {
        Some(theirs) => format!(
            "the new process speaks version {theirs} of the handover, this one {ours}: restart instead"
        ),
        None => format!(
            "a process connected that speaks no handover: it began with {:?}",
            char::from(byte)
        ),
    }
}

pub(super) fn foreign(uid: u32, own: u32) -> io::Error {
    io::Error::new(
        ErrorKind::PermissionDenied,
        format!("requested by user {uid}, not by this process's own user, {own}"),
    )
}

impl Successor {
    /// Its process id, if the system reports it.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// Confirms to it that this process accepts no more. From then on it answers questions.
    pub async fn confirm(mut self) -> io::Result<Relay> {
        timeout(ANSWER_TIMEOUT, self.stream.write_u8(protocol::DRAINING)).await??;
        Ok(Relay::start(self.stream))
    }
}
