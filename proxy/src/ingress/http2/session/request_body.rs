//! The body of a request: what was read of it already, and what comes; and a copy of its beginning for another attempt.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use pingora_core::{Error, ErrorType::ReadError, Result};
use switchyard_wire::{Code, Failure};

use crate::{buffered::BufferShare, ingress::http2::credit::Credit, stream_client::Kept};

/// From this length on, in bytes, a piece is kept as it came.
const LARGE: usize = 8 * 1024;

/// A body. Each attempt gets what was [kept](Self::kept), and then what [comes](Self::poll_next).
#[derive(Debug)]
pub(in crate::ingress::http2) struct RequestBody {
    stream: RecvStream,
    /// Its length, where the head says it.
    declared: Option<usize>,
    /// Whether the client is still to be told to send it.
    waits_for_word: bool,
    /// How many bytes have been read.
    taken: usize,
    kept: Kept,
    /// The most bytes that are kept.
    most: usize,
    /// Counts what is kept.
    share: BufferShare,
    credit: Credit,
}

impl RequestBody {
    /// A body whose length the head gives as `declared`. At most about `most` bytes of it are kept, counted in `share`; its
    /// pieces add to `credit`.
    pub(in crate::ingress::http2) fn new(
        (stream, declared): (RecvStream, Option<usize>),
        (most, share): (usize, BufferShare),
        credit: Credit,
    ) -> Self {
        Self {
            stream,
            declared,
            waits_for_word: false,
            taken: 0,
            kept: Kept::new(usize::MAX),
            most,
            share,
            credit,
        }
    }

    /// Says whether the client sends nothing before it is told to.
    pub(in crate::ingress::http2) const fn waits_for_word(&mut self, waits: bool) {
        self.waits_for_word = waits;
    }

    /// Whether the client is still to be told to send. True once.
    pub(super) fn takes_word(&mut self) -> bool {
        std::mem::take(&mut self.waits_for_word) && !self.is_done()
    }

    /// Reads on until the body has ended, or is too long for more of it to be kept. What was read then is kept in any case.
    pub(in crate::ingress::http2) fn poll_ahead(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        while self.taken <= self.most {
            let piece = match ready!(self.poll_arrived(context)) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    let message = format!("the body broke off: {error}");
                    return Poll::Ready(Err(Failure::new(Code::InvalidRequest, message)));
                }
            };
            self.share.hold(self.taken)?;
            self.kept.add(&own(piece), |_| true);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the request has no body, as far as is known.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0 && self.is_done()
    }

    /// Whether its last piece was read.
    pub(in crate::ingress::http2) fn is_done(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// How many bytes were read.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }

    /// How long the whole body is, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        let read = self.is_done().then_some(self.taken);
        read.or(self.declared)
            .and_then(|length| u64::try_from(length).ok())
    }

    /// Reads the next piece, which is not empty. `None` behind the last.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let read = ready!(self.poll_arrived(context));
        if let Ok(Some(piece)) = &read {
            self.keep(piece);
        }
        Poll::Ready(read.map_err(|error| {
            let message = format!("the body of the request broke off: {error}");
            Error::explain(ReadError, message).into_down()
        }))
    }

    fn poll_arrived(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, h2::Error>> {
        while let Some(piece) = ready!(self.stream.poll_data(context)) {
            let piece = piece?;
            if !piece.is_empty() {
                self.stream.flow_control().release_capacity(piece.len())?;
                self.credit.received();
                self.taken += piece.len();
                return Poll::Ready(Ok(Some(piece)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn keep(&mut self, piece: &Bytes) {
        if !self.kept.is_whole() {
            return;
        }
        let piece = own(piece.clone());
        let (is_short, share) = (self.taken <= self.most, &mut self.share);
        let hold = |length| is_short && share.hold(length).is_ok();
        self.kept.add(&piece, hold);
        if !self.kept.is_whole() {
            self.forget();
        }
    }

    /// Keeps nothing any more: no attempt will follow.
    pub(super) fn forget(&mut self) {
        self.kept.forget();
        // A share that shrinks is always granted.
        let _ = self.share.hold(0);
    }

    /// What was read so far, if anything was and all of it is kept.
    pub(in crate::ingress::http2) fn kept(&mut self) -> Option<Bytes> {
        self.kept.all()
    }

    /// Whether what was read so far is kept whole.
    pub(super) const fn is_kept(&self) -> bool {
        self.kept.is_whole()
    }
}

/// A piece to be kept: a small one is a part of what was read at once, and would keep all of that in memory.
fn own(piece: Bytes) -> Bytes {
    if piece.len() < LARGE {
        Bytes::copy_from_slice(&piece)
    } else {
        piece
    }
}
