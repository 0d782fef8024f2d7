//! Sends listening sockets over a unix socket, with messages of one byte. What follows them is in `successor.rs` and
//! `relay.rs`.

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

/// Sent by the new process as a greeting, and by the old one with the sockets. Change it when the messages change.
pub(super) const VERSION: u8 = b'3';
/// Sent in place of the version: another new process has the sockets already.
pub(super) const BUSY: u8 = b'B';
/// The new process is about to accept, and asks for what the old one knows: its length follows as a `u64`, then its bytes.
pub(super) const STATE: u8 = b'S';
/// The new process accepts.
pub(super) const READY: u8 = b'R';
/// The old process accepts no more.
pub(super) const DRAINING: u8 = b'D';

/// The most listening sockets in one message; the proxy has one for each address of `listen`, and one for its admin port.
const MAX_SOCKETS: usize = 16;

/// The version that a byte stands for, if it stands for one.
pub(super) fn version(byte: u8) -> Option<char> {
    byte.is_ascii_digit().then_some(byte.into())
}

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
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Receives the sockets that [`send`] sent.
pub(super) fn receive(stream: impl AsFd) -> Result<Vec<TcpListener>, Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut first = [0];
    let got = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut first)],
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
    let [first] = first;
    match first {
        BUSY => Err(Error::Busy),
        VERSION if got.flags.contains(ReturnFlags::CTRUNC) => Err(Error::TooManySockets),
        // A process of the same version without a socket to hand over is none of ours.
        VERSION if sockets.is_empty() => Err(Error::Stranger(first)),
        VERSION => Ok(sockets),
        other => Err(
            version(other).map_or(Error::Stranger(other), |theirs| Error::Version {
                theirs,
                ours: VERSION.into(),
            }),
        ),
    }
}
