//! Sends listening sockets over a unix socket, with three one-byte messages.

use std::{
    io::{self, ErrorKind, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::TcpListener,
    os::fd::AsFd,
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

use super::Error;

/// Sent with the sockets. Change it when the messages after them change.
pub(super) const VERSION: u8 = b'1';
/// The new process accepts.
pub(super) const READY: u8 = b'R';
/// The old process accepts no more.
pub(super) const DRAINING: u8 = b'D';

/// The most listening sockets in one message; the proxy has two.
const MAX_SOCKETS: usize = 16;

/// Sends `sockets` with [`VERSION`]. They also stay open in this process.
pub(super) fn send(stream: impl AsFd, sockets: &[TcpListener]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{} sockets, and {MAX_SOCKETS} at most can be sent",
                sockets.len()
            ),
        ));
    }
    sendmsg(
        stream,
        &[IoSlice::new(&[VERSION])],
        &mut control,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Receives the sockets that [`send`] sent.
pub(super) fn receive(stream: impl AsFd) -> Result<Vec<TcpListener>, Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut version = [0];
    let got = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut version)],
        &mut control,
        RecvFlags::empty(),
    )
    .map_err(io::Error::from)?;
    let mut sockets = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            for socket in received {
                // A child process must not inherit them by accident.
                fcntl_setfd(&socket, FdFlags::CLOEXEC).map_err(io::Error::from)?;
                sockets.push(TcpListener::from(socket));
            }
        }
    }
    if got.bytes == 0 {
        return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    if version != [VERSION] || got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Error::Version(version.first().copied().map(char::from)));
    }
    Ok(sockets)
}
