//! The new process's side.

use std::{
    io::{self, ErrorKind, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    ANSWER_TIMEOUT, Error, LARGEST_STATE, RelayServer, STATE_TIMEOUT, SocketPath, protocol,
};

/// The old process, which still accepts all connections. It continues to if this is dropped.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
}

impl Predecessor {
    /// Connects to it, greets it, and receives its listening sockets. Blocks for [`ANSWER_TIMEOUT`] at most.
    pub fn connect(path: &SocketPath) -> Result<(Self, Vec<TcpListener>), Error> {
        let mut stream = path.connect()?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let greeted = stream.write_all(&[protocol::VERSION]).map_err(Error::from);
        let sockets = greeted.and_then(|()| protocol::receive(&stream));
        let sockets = sockets.map_err(|error| match error {
            Error::Disconnected(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Error::Timeout(ANSWER_TIMEOUT)
            }
            error => error,
        })?;
        Ok((Self { stream }, sockets))
    }

    /// Asks for what the old process knows; nothing if it has nothing to say. The old process keeps what must not change
    /// until [`Predecessor::take_over`].
    pub async fn state(&self) -> Result<Option<Vec<u8>>, Error> {
        let exchange = async {
            let mut stream = polled(self.stream.try_clone()?)?;
            stream.write_u8(protocol::STATE).await?;
            let length = stream.read_u64().await?;
            if length > LARGEST_STATE {
                return Err(Error::StateTooLarge(length));
            }
            let mut state = Vec::new();
            // It grows with what comes, not with what was announced.
            stream.take(length).read_to_end(&mut state).await?;
            if u64::try_from(state.len()).ok() != Some(length) {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            Ok((length > 0).then_some(state))
        };
        timeout(STATE_TIMEOUT, exchange)
            .await
            .map_err(|_| Error::NoState(STATE_TIMEOUT))?
    }

    /// Reports that this process accepts, and waits until the old process confirms that it accepts no more. From then on
    /// that one asks.
    pub async fn take_over(self) -> Result<RelayServer, Error> {
        let exchange = async {
            let mut stream = polled(self.stream)?;
            stream.write_u8(protocol::READY).await?;
            let answer = stream.read_u8().await?;
            io::Result::Ok((stream, answer))
        };
        match timeout(ANSWER_TIMEOUT, exchange).await {
            Err(_) => Err(Error::Timeout(ANSWER_TIMEOUT)),
            Ok(Ok((stream, protocol::DRAINING))) => Ok(RelayServer::new(stream)),
            Ok(Ok(_)) => Err(io::Error::from(ErrorKind::InvalidData).into()),
            Ok(Err(error)) => Err(error.into()),
        }
    }
}

fn polled(stream: UnixStream) -> io::Result<tokio::net::UnixStream> {
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}
