//! The new process's side.

use std::{
    io::{self, ErrorKind},
    net::TcpListener,
    os::unix::net::UnixStream,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{ANSWER, Error, SocketPath, wire};

/// The process that still takes all requests. It goes on with that if this is dropped.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
}

impl Predecessor {
    /// Meets it, and gets its listening sockets. Blocks, for seconds at most.
    pub fn meet(place: &SocketPath) -> Result<(Self, Vec<TcpListener>), Error> {
        let stream = place.connect()?;
        stream.set_read_timeout(Some(ANSWER))?;
        let sockets = wire::receive(&stream).map_err(|error| match error {
            Error::Broken(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Error::Silent(ANSWER)
            }
            error => error,
        })?;
        Ok((Self { stream }, sockets))
    }

    /// Says that this process accepts, and waits for the word that the old one ceases to.
    pub async fn relieve(self) -> Result<(), Error> {
        let exchange = async {
            self.stream.set_nonblocking(true)?;
            let mut stream = tokio::net::UnixStream::from_std(self.stream)?;
            stream.write_u8(wire::READY).await?;
            stream.read_u8().await
        };
        match timeout(ANSWER, exchange).await {
            Err(_) => Err(Error::Silent(ANSWER)),
            Ok(Ok(wire::DRAINING)) => Ok(()),
            Ok(Ok(_)) => Err(io::Error::from(ErrorKind::InvalidData).into()),
            Ok(Err(error)) => Err(error.into()),
        }
    }
}
