//! The body of a stream: an event for each piece, then perhaps one with the usage, then `[DONE]`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::answer::Form;
use crate::engine::{Piece, Work};

/// See the [module](self). When it is dropped, the engine stops the request.
#[derive(Debug)]
pub(crate) struct Events {
    form: Form,
    pieces: UnboundedReceiver<Piece>,
    /// What is asked for the event of usage; `None`: there is none.
    usage: Option<Work>,
    has_begun: bool,
    ready: VecDeque<Bytes>,
    has_ended: bool,
}

impl Events {
    pub(crate) fn new(form: Form, pieces: UnboundedReceiver<Piece>, usage: Option<Work>) -> Self {
        Self {
            form,
            pieces,
            usage,
            has_begun: false,
            ready: VecDeque::with_capacity(3),
            has_ended: false,
        }
    }

    fn add(&mut self, piece: &Piece) {
        if !self.has_begun {
            self.has_begun = true;
            self.ready.extend(self.form.opening());
        }
        self.ready
            .push_back(self.form.piece(&piece.text, piece.end));
        if piece.end.is_some() {
            self.ready
                .extend(self.usage.map(|work| self.form.usage(work)));
            self.ready
                .push_back(Bytes::from_static(b"data: [DONE]\n\n"));
            self.has_ended = true;
        }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ready.is_empty() && !self.has_ended {
            match ready!(self.pieces.poll_recv(context)) {
                Some(piece) => self.add(&piece),
                None => self.has_ended = true,
            }
        }
        Poll::Ready(self.ready.pop_front().map(|event| Ok(Frame::data(event))))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended && self.ready.is_empty()
    }
}
