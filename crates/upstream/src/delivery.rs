//! Whether a request was delivered over a connection that ended without an answer.
//!
//! A substation may close an idle connection at the very moment at which a request is written to it, or may have
//! vanished without a word. Nothing was booked then, but it looks like a connection lost in the middle: bytes were
//! written and no answer came. So the kernel is asked whether the substation's kernel accepted any byte of the
//! request. A closed socket accepts none and answers with a reset. Only a request that is proven undelivered this way
//! counts as not sent.
//!
//! After a close the proof is complete, because the close acknowledges what had arrived before it. A reset
//! acknowledges nothing: a substation may read a request, hold its acknowledgement back for up to 40 ms in the hope of
//! an answer to send it with, and reset the connection meanwhile. But it does not hold it back for a second packet
//! that it has read as well (Linux acknowledges when a reader has emptied the socket of two pushed packets, BSD and
//! Windows at the second packet). So on a connection that was idle the last byte of a request is written apart. A
//! substation that has read all of the request has then acknowledged it, and a reset without an acknowledgement proves
//! that it has not. On a busy connection nothing is written apart, and a reset proves nothing.
//!
//! All of this holds with TLS, since it is about sockets: a substation that has read none of the bytes of a record has
//! read nothing of the request in it. What counts is where the request begins on the wire ([`Stream::place`]). Words of
//! TLS prove nothing here: a substation may say that it closes, and still read.

use std::{io, os::fd::AsRawFd, time::Duration};

use switchyard_transport::Stream;
use tokio::time::sleep;

/// How often the kernel is asked before a request counts as delivered.
const CHECKS: usize = 20;
/// The time between two checks. The reset arrives within a round trip of the close.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// What is known of a request's bytes at the substation's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Nothing yet; ask again.
    Unknown,
    /// The socket was closed and accepted none of them.
    Refused,
    /// Some were accepted, or the kernel cannot say.
    Arrived,
}

/// After the substation's close or reset: whether it may have received any of a request. `check` asks the kernel once.
pub(super) async fn may_have_arrived(check: impl Fn() -> Delivery) -> bool {
    for _ in 0..CHECKS {
        match check() {
            Delivery::Unknown => sleep(CHECK_INTERVAL).await,
            Delivery::Refused => return false,
            Delivery::Arrived => return true,
        }
    }
    true
}

/// Whether an error says that the connection ended without a word of TLS. A whole answer has come before that, or none:
/// what came may have been cut on the way.
pub(super) fn is_cut(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Whether an error says that the substation's end reset the connection.
pub(super) fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// What the kernel knows now of the bytes from `begins` on, counted from the first that was written to the stream.
///
/// The substation's close acknowledges the bytes that had arrived by then, and so does every later packet. So if no
/// byte of the request is acknowledged and the connection has since been reset (not only closed), then the
/// substation has read none of it.
#[cfg(target_os = "linux")]
pub(super) fn delivery(stream: &Stream, begins: u64) -> Delivery {
    /// `TCP_CLOSE` in the kernel's numbering of states: here the connection was reset.
    const RESET: u8 = 7;
    let Some(place) = stream.place(begins) else {
        return Delivery::Arrived;
    };
    let tcp = stream.tcp().as_raw_fd();
    let Ok(info) = pingora_core::protocols::l4::ext::get_tcp_info(tcp) else {
        return Delivery::Arrived;
    };
    // The kernel also counts the connection's SYN as a byte.
    if info.tcpi_bytes_acked > place + 1 {
        Delivery::Arrived
    } else if info.tcpi_state == RESET {
        Delivery::Refused
    } else {
        Delivery::Unknown
    }
}

/// Other systems cannot say, so the request counts as delivered.
#[cfg(not(target_os = "linux"))]
pub(super) fn delivery(_: &Stream, _: u64) -> Delivery {
    Delivery::Arrived
}
