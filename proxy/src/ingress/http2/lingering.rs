//! A close that the other side gets to hear.
//!
//! Where a socket is closed with bytes unread, or they come after that, the system resets the connection, and a reset may
//! throw away what the client has not read yet: the last answers, and the word that these are the last. An
//! HTTP/2 client always has something on its way (acknowledgements, windows). So the end is said first, and
//! then whatever still comes is read and dropped, until the client has ended its side too.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType, raw_connect::ProxyDigest,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::ingress::CLOSE_GRACE;

/// A stream that is not over before the other side knows, or has had time to.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: Stream,
    /// Once our side is ended: how long the other's is waited for.
    until: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            until: None,
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, until } = &mut *self;
        if until.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        let until =
            until.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + CLOSE_GRACE)));
        let mut rest = [0; 1024];
        while until.as_mut().poll(context).is_pending() {
            let mut rest = ReadBuf::new(&mut rest);
            // It makes no difference how the other side ends.
            let is_more = ready!(Pin::new(&mut *stream).poll_read(context, &mut rest)).is_ok();
            if !is_more || rest.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for Lingering {
    async fn shutdown(&mut self) {
        // Nobody is left to tell.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Lingering {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl GetTimingDigest for Lingering {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }
}

impl GetProxyDigest for Lingering {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }
}

impl GetSocketDigest for Lingering {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}

impl Ssl for Lingering {}
impl Peek for Lingering {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_close_is_sent_at_once_and_waits_for_that_of_the_client() {
        let (mut client, server) = duplex(64);
        let mut server = Lingering::new(Box::new(server));
        let start = Instant::now();
        let ending = tokio::spawn(async move { AsyncWriteExt::shutdown(&mut server).await });
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        for _ in 0..10 {
            // More than fits, unless somebody reads it.
            client.write_all(&[0; 64]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(client);
        ending.await.unwrap().unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_waited_for_no_longer_than_the_grace() {
        let (mut client, server) = duplex(64);
        let mut server = Lingering::new(Box::new(server));
        let pouring = tokio::spawn(async move {
            while client.write_all(&[0; 64]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let start = Instant::now();
        AsyncWriteExt::shutdown(&mut server).await.unwrap();
        let took = start.elapsed();
        assert!(
            took >= CLOSE_GRACE && took < CLOSE_GRACE + Duration::from_millis(20),
            "{took:?}"
        );
        drop(server);
        pouring.await.unwrap();
    }
}
