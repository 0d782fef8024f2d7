//! One attempt's view of a client that speaks HTTP/1.1, as Pingora's proxy takes it.

use std::{future::poll_fn, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use parking_lot::Mutex;
use pingora_core::protocols::{
    Digest,
    http::{
        HttpTask,
        custom::{CustomMessageWrite, server::Session},
    },
    l4::socket::SocketAddr,
};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::side::Side;
use crate::stream_client::Moved;

/// See the [module](self).
pub(super) struct Http1Session {
    side: Arc<Mutex<Side>>,
    request: Box<RequestHeader>,
    moved: Arc<Moved>,
    /// What was read in earlier attempts.
    replayed: Option<Bytes>,
}

impl Http1Session {
    pub(super) fn new(
        side: Arc<Mutex<Side>>,
        request: Box<RequestHeader>,
        moved: Arc<Moved>,
    ) -> Self {
        let replayed = side.lock().begin(&moved);
        Self {
            side,
            request,
            moved,
            replayed,
        }
    }

    /// Writes what came of an answer. Returns whether it has ended.
    async fn write(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        // No other attempt follows an answer.
        self.replayed = None;
        let written = self.side.lock().write(tasks)?;
        if written.must_leave {
            self.send().await?;
        }
        let has_ended = || Ok(self.side.lock().answer.has_ended());
        written.failed.map_or_else(has_ended, Err)
    }

    async fn send(&self) -> Result<()> {
        let sent = poll_fn(|context| self.side.lock().poll_send(&self.moved, context)).await;
        sent.map_err(|error| {
            Error::because(ErrorType::WriteError, "to the client", error).into_down()
        })
    }
}

#[async_trait]
impl Session for Http1Session {
    fn req_header(&self) -> &RequestHeader {
        &self.request
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.request
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.read_body_or_idle(false).await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        Ok(())
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.write(vec![HttpTask::Header(head, end)])
            .await
            .map(drop)
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        self.write_response_header(Box::new(head.clone()), end)
            .await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.write(vec![HttpTask::Body(Some(data), end)])
            .await
            .map(drop)
    }

    async fn write_trailers(&mut self, _: HeaderMap) -> Result<()> {
        self.write(vec![HttpTask::Done]).await.map(drop)
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        self.write(tasks).await
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        poll_fn(|context| {
            let mut side = self.side.lock();
            side.poll_body_or_left(no_body_expected, &self.moved, context)
        })
        .await
    }

    async fn finish(&mut self) -> Result<()> {
        self.side.lock().end()?;
        self.send().await
    }

    fn is_body_done(&mut self) -> bool {
        self.side.lock().has_ended()
    }

    fn is_body_empty(&mut self) -> bool {
        self.replayed.is_none() && self.is_body_done()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.replayed.clone()
    }

    fn retry_buffer_truncated(&self) -> bool {
        !self.side.lock().is_whole()
    }

    // All that was read is kept anyway, as long as it may be needed.
    fn enable_retry_buffering(&mut self) {}

    fn is_upgrade_req(&self) -> bool {
        self.request.headers.contains_key(http::header::UPGRADE)
    }

    fn was_upgraded(&self) -> bool {
        self.side.lock().answer.is_upgraded()
    }

    fn body_bytes_sent(&self) -> usize {
        usize::try_from(self.moved.bytes_out()).unwrap_or(usize::MAX)
    }

    fn body_bytes_read(&self) -> usize {
        usize::try_from(self.moved.bytes_in()).unwrap_or(usize::MAX)
    }

    fn request_summary(&self) -> String {
        String::new()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        None
    }

    async fn shutdown(&mut self, _: u32, _: &str) {}

    // One timer bounds an attempt, and it is not here.
    fn set_read_timeout(&mut self, _: Option<Duration>) {}

    fn get_read_timeout(&self) -> Option<Duration> {
        None
    }

    fn set_write_timeout(&mut self, _: Option<Duration>) {}

    fn get_write_timeout(&self) -> Option<Duration> {
        None
    }

    fn set_total_drain_timeout(&mut self, _: Option<Duration>) {}

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        None
    }

    fn digest(&self) -> Option<&Digest> {
        None
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        None
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        None
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        None
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        Bytes::new()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}
