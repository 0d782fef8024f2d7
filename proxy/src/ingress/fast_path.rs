//! The fast path: a charge that came whole, in the plainest HTTP/1.1 there is, is read from the bytes it came in.
//!
//! A session of Pingora's costs more than choosing a substation does, and such a charge needs nothing of what it can do.
//! So the bytes are looked at once ([`WholeRequest`]). If they are anything else than a plain charge, or there is the least
//! doubt, they go to Pingora untouched, whose word on them is the last. Here is only parsing: both ways lead into
//! [`Dispatcher::respond`](crate::dispatch::Dispatcher::respond).

use switchyard_http1::WholeRequest;

use crate::dispatch::{ReceivedRequest, RequestContext, Target};

/// What a charge begins with: see [`super::target`] for what else these paths take.
const REQUEST_LINES: [&[u8]; 2] = [
    b"POST /request_charge HTTP/1.1\r\n",
    b"POST /assign_substation HTTP/1.1\r\n",
];

/// The plain charge that `received` begins with, whole and with at most `limit` bytes of body.
pub(super) fn find(received: &[u8], limit: usize) -> Option<WholeRequest> {
    WholeRequest::find(received, &REQUEST_LINES, limit)
}

/// The charge, as the dispatcher takes it; `received` is what it was found in.
pub(super) fn read<'a>(
    charge: &'a WholeRequest,
    received: &'a [u8],
    context: &RequestContext<'_>,
) -> Option<ReceivedRequest<'a>> {
    let (head, body) = charge.parts(received)?;
    Some(ReceivedRequest {
        head: Some(head),
        target: context.within_limit().map(|()| Target::Charge),
        body,
    })
}

#[cfg(test)]
mod tests;
