//! What became of bytes at the other end of a connection that was closed from there.
//!
//! A substation may close a kept connection at the very moment at which a request is written to it. Nothing
//! was booked then, but to the reader it looks like a break in the middle: bytes written, no answer. So
//! after a close without a word the system is asked whether the other side's took in any of the request: a
//! closed socket does not, and says so. Only what is proven that way counts as not sent.

use std::{os::fd::AsRawFd, time::Duration};

use tokio::{net::TcpStream, time::sleep};

/// How long the other side's word on a request that met a closed socket is waited for, in looks and in the
/// time between two: it comes within a round trip of the close.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What became of a request's bytes at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Unknown,
    Refused,
    Arrived,
}

/// After the other side's close: whether it may have taken in any of a request, as `look` finds it.
pub(super) async fn may_have_arrived(look: impl Fn() -> Delivery) -> bool {
    for _ in 0..LOOKS {
        match look() {
            Delivery::Unknown => sleep(BETWEEN_LOOKS).await,
            Delivery::Refused => return false,
            Delivery::Arrived => return true,
        }
    }
    true
}

/// What the system knows now of the bytes from `begins` on, counted from the connection's first.
///
/// The close says how much had come by then, as does whatever is received later. So if the system at the
/// other end has not acknowledged a byte of the request, and has refused it since (the connection is
/// reset, not only closed), nobody there has read it.
#[cfg(target_os = "linux")]
pub(super) fn delivery(stream: &TcpStream, begins: u64) -> Delivery {
    /// `TCP_CLOSE` in the system's numbering of states: here the connection was reset.
    const RESET: u8 = 7;
    let Ok(info) = pingora_core::protocols::l4::ext::get_tcp_info(stream.as_raw_fd()) else {
        return Delivery::Arrived;
    };
    // The system counts the connection's own first byte too.
    if info.tcpi_bytes_acked > begins + 1 {
        Delivery::Arrived
    } else if info.tcpi_state == RESET {
        Delivery::Refused
    } else {
        Delivery::Unknown
    }
}

/// Elsewhere nobody tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn delivery(_: &TcpStream, _: u64) -> Delivery {
    Delivery::Arrived
}
