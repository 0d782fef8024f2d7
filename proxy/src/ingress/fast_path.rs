//! The fast path: a charge that has arrived whole, as plain HTTP/1.1, is found in one pass.
//!
//! Such a charge needs no decoder that remembers how far it has come, and no list of headers on the heap. So the bytes
//! are scanned once ([`WholeRequest`]). If they are anything but a plain charge, or in the least doubt, they are read by
//! [`IncomingDecoder`](switchyard_http1::IncomingDecoder), which would read the plain charge as the same request. This
//! module only parses: both paths lead into [`Dispatcher::respond`](crate::dispatch::Dispatcher::respond).

use switchyard_http1::{RequestLimits, WholeRequest};
use switchyard_wire::names::{ASSIGN_SUBSTATION, REQUEST_CHARGE};

use crate::dispatch::{ReceivedRequest, RequestContext, Target};

const REQUEST_LINE: &[u8] = b"POST /request_charge HTTP/1.1\r\n";
/// The request lines of a charge. [`super::target`] handles all others.
const REQUEST_LINES: [&[u8]; 2] = [REQUEST_LINE, b"POST /assign_substation HTTP/1.1\r\n"];

/// The plain charge that `received` begins with, whole and within `limits`.
pub(super) fn find(received: &[u8], limits: RequestLimits) -> Option<WholeRequest> {
    WholeRequest::find(received, &REQUEST_LINES, limits)
}

/// The charge as the dispatcher takes it; `received` are the bytes in which it was found.
pub(super) fn read<'a>(
    charge: &'a WholeRequest,
    received: &'a [u8],
    context: &mut RequestContext<'_>,
) -> Option<ReceivedRequest<'a>> {
    let (head, body) = charge.parts(received)?;
    Some(ReceivedRequest {
        head: Some(head),
        target: context.admit(head).map(|()| Target::Charge),
        method: "POST",
        path: if received.starts_with(REQUEST_LINE) {
            REQUEST_CHARGE
        } else {
            ASSIGN_SUBSTATION
        },
        query: None,
        body,
    })
}

#[cfg(test)]
mod tests;
