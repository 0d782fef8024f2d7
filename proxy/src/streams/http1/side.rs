//! What an attempt has of a client that speaks HTTP/1.1: it reads the body in parts, and writes the answer as it comes.
//!
//! Pingora hands over an answer in pieces, a few at a time, and a write for each would cost more than all else that is done
//! with it. So what is written is held until the attempt has done all that it can for now, or there is much of it.

mod unsent;

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use pingora_core::protocols::http::HttpTask;
use pingora_core::{Error, ErrorType, Result};
use switchyard_http1::{BodyParts, Part};
use switchyard_wire::Failure;

use crate::{
    client_connection::{ClientConnection, refusal},
    in_flight::InFlight,
    stream_client::{Kept, Moved},
    streams::answer::{Answer, Fault},
};

pub(super) use unsent::Unsent;

/// What is said once the body is asked for, to a client that waits for that.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What an attempt has of the client.
#[derive(Debug)]
pub(in crate::streams) struct Side {
    pub(super) connection: ClientConnection,
    pub(super) parts: BodyParts,
    pub(super) kept: Kept,
    pub(in crate::streams) answer: Answer,
    pub(super) unsent: Unsent,
    /// Whether the client waits for a word before it sends its body.
    pub(super) is_expecting: bool,
    /// Whether the client wants the connection closed after the answer.
    pub(super) closes: bool,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) fault: Option<Failure>,
    /// Whether the client has sent all that it will in the other protocol.
    pub(super) has_left: bool,
}

impl Side {
    /// What was read of the body so far, if all of it is kept, for an attempt that begins.
    pub(in crate::streams) fn begin(&mut self, moved: &Moved) -> Option<Bytes> {
        let all = self.kept.begin();
        if !self.kept.is_whole() {
            moved.is_not_kept();
        }
        all
    }

    pub(in crate::streams) fn is_whole(&self) -> bool {
        self.kept.is_whole()
    }

    /// Whether nothing more is to be read: the body has ended, or what follows an upgrade.
    pub(in crate::streams) fn has_ended(&self) -> bool {
        if self.answer.is_upgraded() {
            // It ends with either side; Pingora asks for this when the substation's has ended.
            self.has_left || self.answer.has_ended()
        } else {
            self.parts.has_ended()
        }
    }

    /// The next part of the body, `None` at its end; once that has come, an error when the client leaves.
    pub(in crate::streams) fn poll_body_or_left(
        &mut self,
        ends: bool,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        if self.answer.is_upgraded() && !self.has_left {
            return self.poll_raw(moved, context);
        }
        if ends || self.has_ended() {
            ready!(self.connection.poll_left(context));
            moved.client_left();
            return Poll::Ready(Err(left("the client has closed the connection")));
        }
        self.poll_body(moved, context)
    }

    fn poll_body(
        &mut self,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        let part = ready!(self.poll_part(moved, context))?;
        if let Some(part) = &part {
            moved.read(part.len());
            let connection = &mut self.connection;
            self.kept.add(part, |length| connection.hold(length));
            if !self.kept.is_whole() {
                connection.hold(0);
                moved.is_not_kept();
            }
        }
        Poll::Ready(Ok(part))
    }

    pub(super) fn poll_part(
        &mut self,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        loop {
            match self.parts.next(self.connection.received_mut()) {
                Ok(Part::Data(data)) => return Poll::Ready(Ok(Some(data))),
                Ok(Part::End) => return Poll::Ready(Ok(None)),
                Ok(Part::NeedMore) => {}
                Err(fault) => {
                    self.fault = Some(refusal(fault));
                    let error = Error::explain(ErrorType::InvalidHTTPHeader, fault.to_string());
                    return Poll::Ready(Err(error));
                }
            }
            if std::mem::take(&mut self.is_expecting) {
                self.unsent.wire().extend_from_slice(CONTINUE);
            }
            // If it can't be sent, that shows in what is read.
            let _ = self.unsent.poll_send(&mut self.connection, moved, context);
            // An error is an end as well.
            if ready!(self.connection.poll_more(context)).unwrap_or(0) == 0 {
                moved.client_left();
                let what = "the client has closed the connection in its body";
                return Poll::Ready(Err(left(what)));
            }
        }
    }

    /// What comes in the other protocol.
    fn poll_raw(
        &mut self,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        if self.connection.received().is_empty() {
            // An error is an end as well.
            if ready!(self.connection.poll_more(context)).unwrap_or(0) == 0 {
                self.has_left = true;
                moved.client_left();
                return Poll::Ready(Ok(None));
            }
        }
        let data = self.connection.received_mut().split().freeze();
        moved.read(data.len());
        Poll::Ready(Ok(Some(data)))
    }

    /// Writes what came of an answer. See [`Written`] for what is to be done next.
    pub(in crate::streams) fn write(&mut self, tasks: Vec<HttpTask>) -> Result<Written> {
        let (mut ends, mut failed) = (false, None);
        let wire = self.unsent.wire();
        let mut length = 0;
        for task in tasks {
            ends |= task.is_end();
            match task {
                HttpTask::Header(head, _) => {
                    self.is_expecting = false;
                    let closes =
                        self.closes || !self.parts.has_ended() || self.in_flight.is_draining();
                    self.answer.head(&head, closes, wire).map_err(unfit)?;
                    if self.answer.has_begun() {
                        self.kept.forget();
                        self.connection.hold(0);
                    }
                }
                HttpTask::Body(Some(part), _) | HttpTask::UpgradedBody(Some(part), _) => {
                    length += part.len();
                    self.answer.body(&part, wire).map_err(unfit)?;
                }
                HttpTask::Failed(error) => {
                    failed = Some(error);
                    ends = false;
                    break;
                }
                _ => {}
            }
        }
        if ends {
            self.answer.end(wire).map_err(unfit)?;
        }
        self.unsent.add_body(length);
        Ok(Written {
            must_leave: ends || failed.is_some() || self.unsent.is_much(),
            failed,
        })
    }

    /// Sends what was written and has not left yet.
    pub(in crate::streams) fn poll_send(
        &mut self,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let sent = self.unsent.poll_send(&mut self.connection, moved, context);
        if let Poll::Ready(Err(_)) = sent {
            moved.client_left();
        }
        sent
    }

    /// Makes sure that the answer has ended. An answer without an end from its substation gets none here; what follows an
    /// upgrade ends with either side.
    pub(in crate::streams) fn end(&mut self) -> Result<()> {
        if self.answer.is_upgraded() {
            self.answer.end(&mut BytesMut::new()).map_err(unfit)?;
        }
        if self.answer.has_begun() && !self.answer.has_ended() {
            return Err(unfit(Fault::OtherLength));
        }
        Ok(())
    }
}

/// What follows when a part of an answer was written.
#[derive(Debug)]
pub(in crate::streams) struct Written {
    /// Whether it must leave before more is written: it is much, or nothing follows.
    pub(in crate::streams) must_leave: bool,
    /// Why the answer ends here without its end, if it does.
    pub(in crate::streams) failed: Option<Box<Error>>,
}

#[expect(clippy::unnecessary_box_returns, reason = "as Pingora has its errors")]
fn left(how: &'static str) -> Box<Error> {
    Error::explain(ErrorType::ConnectionClosed, how)
}

#[expect(clippy::unnecessary_box_returns, reason = "as Pingora has its errors")]
fn unfit(fault: Fault) -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, fault.to_string()).into_up()
}
