//! One attempt of a request over HTTP/2 that streams, as Pingora's proxy takes it.

use std::{future::poll_fn, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use parking_lot::Mutex;
use pingora_core::{
    Error,
    ErrorType::InternalError,
    Result,
    protocols::{
        Digest,
        http::{
            HttpTask,
            custom::{CustomMessageWrite, server::Session},
            v1::client::http_req_header_to_wire,
        },
        l4::socket::SocketAddr,
    },
};
use pingora_http::{RequestHeader, ResponseHeader};

use super::{answer::Answer, request_body::RequestBody};
use crate::stream_client::Moved;

/// See the [module](self).
pub(super) struct StreamSession {
    /// As the substation gets it.
    head: Box<RequestHeader>,
    body: Arc<Mutex<RequestBody>>,
    answer: Answer,
    /// The final head of the answer, once it was sent.
    written: Option<Box<ResponseHeader>>,
    /// Whether the end of the answer was sent, or a reset in place of it.
    is_ended: bool,
    /// How many bytes of the answer's body were sent.
    sent: usize,
    moved: Arc<Moved>,
    timeouts: Timeouts,
}

/// What Pingora sets and asks for. Nothing here goes by it.
#[derive(Default)]
struct Timeouts {
    read: Option<Duration>,
    write: Option<Duration>,
    drain: Option<Duration>,
}

impl StreamSession {
    /// An attempt of `request`, which is as the substation gets it.
    pub(super) fn new(
        (body, answer): (Arc<Mutex<RequestBody>>, Answer),
        head: Box<RequestHeader>,
        moved: Arc<Moved>,
    ) -> Self {
        Self {
            head,
            body,
            answer,
            written: None,
            is_ended: false,
            sent: 0,
            moved,
            timeouts: Timeouts::default(),
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        if self.body.lock().takes_word() {
            self.answer.proceed();
        }
        let piece = poll_fn(|context| self.body.lock().poll_next(context)).await?;
        if !self.body.lock().is_kept() {
            self.moved.is_not_kept();
        }
        if let Some(piece) = &piece {
            self.moved.read(piece.len());
        }
        Ok(piece)
    }

    fn write_head(&mut self, head: Box<ResponseHeader>, ends: bool) -> Result<()> {
        if head.status.is_informational() {
            return self.answer.interim(&head);
        }
        if self.is_ended || self.written.is_some() {
            return Error::e_explain(InternalError, "a second head of an answer");
        }
        self.answer.head(&head, ends)?;
        self.body.lock().forget();
        self.written = Some(head);
        self.is_ended = ends;
        Ok(())
    }

    async fn write(&mut self, piece: Bytes, ends: bool) -> Result<()> {
        if self.is_ended {
            return Error::e_explain(InternalError, "a piece behind the end of the answer");
        }
        if piece.is_empty() {
            return if ends { self.write_end(None) } else { Ok(()) };
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let room = self.answer.room(rest.len()).await?;
            let piece = rest.split_to(room.min(rest.len()));
            self.sent += piece.len();
            self.moved.wrote(piece.len());
            self.answer.piece(piece, ends && rest.is_empty())?;
        }
        self.is_ended = ends;
        Ok(())
    }

    fn write_end(&mut self, trailers: Option<HeaderMap>) -> Result<()> {
        // Without a head there is no answer to end: another attempt may have one.
        if self.is_ended || self.written.is_none() {
            return Ok(());
        }
        self.is_ended = true;
        match trailers {
            Some(trailers) => self.answer.trailers(trailers),
            None => self.answer.piece(Bytes::new(), true),
        }
    }
}

impl Drop for StreamSession {
    /// An answer that was begun and is not whole must not look so.
    fn drop(&mut self) {
        if self.written.is_some() && !self.is_ended {
            self.answer.reset();
        }
    }
}

#[async_trait]
impl Session for StreamSession {
    fn req_header(&self) -> &RequestHeader {
        &self.head
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.read().await
    }

    /// Reads nothing: the rest of a body ends with its stream.
    async fn drain_request_body(&mut self) -> Result<()> {
        Ok(())
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, ends: bool) -> Result<()> {
        self.write_head(head, ends)
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, ends: bool) -> Result<()> {
        self.write_head(Box::new(head.clone()), ends)
    }

    async fn write_body(&mut self, piece: Bytes, ends: bool) -> Result<()> {
        self.write(piece, ends).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.write_end(Some(trailers))
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut is_done = false;
        for task in tasks {
            is_done |= task.is_end();
            match task {
                HttpTask::Header(head, ends) => self.write_head(head, ends)?,
                HttpTask::Body(Some(piece), ends) if !piece.is_empty() => {
                    self.write(piece, ends).await?;
                }
                HttpTask::Trailer(Some(trailers)) => self.write_end(Some(*trailers))?,
                HttpTask::Body(..) | HttpTask::Trailer(None) | HttpTask::Done => {}
                // No request over HTTP/2 asks for an upgrade.
                HttpTask::UpgradedBody(..) => {
                    return Error::e_explain(InternalError, "an upgrade over HTTP/2");
                }
                HttpTask::Failed(error) => return Err(error),
            }
        }
        if is_done {
            self.write_end(None)?;
        }
        Ok(is_done)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.read = timeout;
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.timeouts.read
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.write = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.timeouts.write
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.timeouts.drain = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.timeouts.drain
    }

    fn request_summary(&self) -> String {
        format!("{} {} (HTTP/2)", self.head.method, self.head.uri.path())
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_deref()
    }

    /// Resets the stream, if its answer was begun and is not complete.
    async fn shutdown(&mut self, _code: u32, _context: &str) {
        if self.written.is_some() && !self.is_ended {
            self.is_ended = true;
            self.answer.reset();
        }
    }

    fn is_body_done(&mut self) -> bool {
        self.body.lock().is_done()
    }

    /// Only checks that the answer has ended: Pingora says so also if the substation did not send all of it.
    async fn finish(&mut self) -> Result<()> {
        if self.written.is_some() && !self.is_ended {
            return Error::e_explain(InternalError, "the answer has no end");
        }
        Ok(())
    }

    fn is_body_empty(&mut self) -> bool {
        self.body.lock().is_empty()
    }

    /// Reads the next piece. Behind the last it waits until the client leaves, which is an error.
    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        let is_done = no_body_expected || self.body.lock().is_done();
        let read = if is_done {
            Err(poll_fn(|context| self.answer.poll_left(context)).await)
        } else {
            self.read().await
        };
        if read.is_err() {
            self.moved.client_left();
        }
        read
    }

    fn body_bytes_sent(&self) -> usize {
        self.sent
    }

    fn body_bytes_read(&self) -> usize {
        self.body.lock().taken()
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
        let wire = http_req_header_to_wire(&self.head);
        wire.unwrap_or_default().freeze()
    }

    /// The body is kept in any case, for as long as another attempt may need it.
    fn enable_retry_buffering(&mut self) {}

    fn retry_buffer_truncated(&self) -> bool {
        !self.body.lock().is_kept()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.body.lock().kept()
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
        _reader: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(
        &mut self,
        _writer: Box<dyn CustomMessageWrite>,
    ) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
