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

use super::{ANSWER_TIMEOUT, Error, SocketPath, protocol};

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

    /// Reports that this process accepts, and waits until the old process confirms that it accepts no more.
    pub async fn take_over(self) -> Result<(), Error> {
        let exchange = async {
            self.stream.set_nonblocking(true)?;
            let mut stream = tokio::net::UnixStream::from_std(self.stream)?;
            stream.write_u8(protocol::READY).await?;
            stream.read_u8().await
        };
        match timeout(ANSWER_TIMEOUT, exchange).await {
            Err(_) => Err(Error::Timeout(ANSWER_TIMEOUT)),
            Ok(Ok(protocol::DRAINING)) => Ok(()),
            Ok(Ok(_)) => Err(io::Error::from(ErrorKind::InvalidData).into()),
            Ok(Err(error)) => Err(error.into()),
        }
    }
}
