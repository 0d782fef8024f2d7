//! What was written of an answer and has not left yet.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};

use crate::{client_connection::ClientConnection, spare_buffers, stream_client::Moved};

/// So many bytes leave before more is written, so that a client which reads slowly slows its substation down.
const MUCH: usize = 16 * 1024;

/// See the [module](self). It holds no buffer while there is nothing in it.
#[derive(Debug, Default)]
pub(in crate::streams) struct Unsent {
    wire: BytesMut,
    /// How many bytes of a body are among them.
    body: usize,
    /// Whether a layer over the socket may still hold some that were written.
    is_held: bool,
}

impl Unsent {
    /// Where more is written.
    pub(super) fn wire(&mut self) -> &mut BytesMut {
        if self.wire.capacity() == 0 {
            self.wire = spare_buffers::take_for_write();
        }
        &mut self.wire
    }

    /// Notes that so many bytes of what was written are of a body.
    pub(super) fn add_body(&mut self, length: usize) {
        self.body += length;
    }

    /// Whether no more should be written before this has left.
    pub(super) fn is_much(&self) -> bool {
        self.wire.len() >= MUCH
    }

    /// Takes what has not left.
    pub(in crate::streams) fn take(&mut self) -> BytesMut {
        std::mem::take(&mut self.wire)
    }

    /// Sends all of it. The bytes of a body count once the connection has taken them.
    pub(super) fn poll_send(
        &mut self,
        connection: &mut ClientConnection,
        moved: &Moved,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.wire.is_empty() {
            let written = ready!(connection.poll_write(context, &self.wire))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wire.advance(written);
            self.is_held = true;
            // What is left is a body's, as far as it can be.
            let left = self.body.min(self.wire.len());
            if left < self.body {
                moved.wrote(self.body - left);
                self.body = left;
            }
        }
        if self.wire.capacity() > 0 {
            spare_buffers::put_written(std::mem::take(&mut self.wire));
        }
        if self.is_held {
            ready!(connection.poll_flush(context))?;
            self.is_held = false;
        }
        Poll::Ready(Ok(()))
    }
}
