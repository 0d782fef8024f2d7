//! The short way in: a charge that came whole, in the plainest HTTP/1.1 there is.
//!
//! Nearly all charges look the same: one `POST` of a known path, a handful of headers, a few bytes of body, all of it
//! in one packet on a connection that stays. Such a one needs nothing of what a session of Pingora's can do, and
//! that costs more than choosing a substation does. So what has been received is looked at once: if it is such a
//! charge, it is answered from these bytes; if it is anything else, or there is the least doubt, the bytes go to
//! Pingora untouched, whose word on them is the last.
//!
//! What is taken here means the same to every reader: lines end in CR LF, no header is folded, one `Host`, at most one
//! `Content-Length`, in digits, and no other header that says where a request ends or what becomes of
//! its connection.

use std::{mem::MaybeUninit, ops::Range};

use pingora_core::protocols::Stream;
use tokio::time::Instant;

use super::{
    Failure, Lane,
    charge::Charge,
    head::{FieldAt, Head},
    in_hand::RequestGuard,
    request_id,
    route::Routed,
    watchdog::Watchdog,
};
use crate::codec;

/// The most headers of a plain charge.
const MAX_HEADERS: usize = 32;
/// The largest head of one.
const LARGEST_HEAD: usize = 8 * 1024;

/// What a charge begins with: see [`super::ingress`] for what else these paths take.
const REQUEST_LINES: [&[u8]; 2] = [
    b"POST /request_charge HTTP/1.1\r\n",
    b"POST /assign_substation HTTP/1.1\r\n",
];

/// Where a plain charge lies in what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    head: usize,
    end: usize,
    fields: Fields,
}

/// Where its headers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    all: [FieldAt; MAX_HEADERS],
    count: usize,
}

impl Plain {
    /// Looks whether `received` begins with a whole plain charge of at most `limit` bytes of body.
    pub(super) fn find(received: &[u8], limit: usize) -> Option<Self> {
        if !REQUEST_LINES.iter().any(|line| received.starts_with(line)) {
            return None;
        }
        let head = codec::end_of_head(received, LARGEST_HEAD)?;
        let (body, fields) = look_at(received.get(..head)?)?;
        let end = head.checked_add(body)?;
        (body <= limit && end <= received.len()).then_some(Self { head, end, fields })
    }

    /// How many bytes it is.
    pub(super) fn length(&self) -> usize {
        self.end
    }

    fn head<'a>(&'a self, received: &'a [u8]) -> Option<Head<'a>> {
        let fields = self.fields.all.get(..self.fields.count)?;
        Some(Head::Plain(received.get(..self.head)?, fields))
    }

    fn body(&self) -> Range<usize> {
        self.head..self.end
    }
}

/// The length of the body, if the head says nothing else that matters, and where its headers stand.
fn look_at(head: &[u8]) -> Option<(usize, Fields)> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(head, &mut fields);
    if parsed != Ok(httparse::Status::Complete(head.len())) {
        return None;
    }
    let mut found = Fields {
        all: [FieldAt::default(); MAX_HEADERS],
        count: request.headers.len(),
    };
    let (mut hosts, mut length) = (0, None);
    for (field, at) in request.headers.iter().zip(&mut found.all) {
        *at = FieldAt::find(head, field.name.as_bytes(), field.value)?;
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("host") {
            hosts += 1;
        } else if is("content-length") {
            let digits = codec::decimal(field.value).ok()?;
            if length.replace(digits).is_some() {
                return None;
            }
        } else if is("connection") {
            if !field.value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if is("transfer-encoding") || is("expect") || is("upgrade") {
            return None;
        }
    }
    let length = usize::try_from(length.unwrap_or(0)).ok()?;
    (hosts == 1).then_some((length, found))
}

impl Lane {
    /// Answers a plain charge, from the bytes it was found in and by when they came. `None` if the connection
    /// ends with it.
    pub(super) async fn plain(
        &self,
        stream: &mut Stream,
        (received, started): (&[u8], Instant),
        charge: &Plain,
        watchdog: &mut Watchdog,
        in_hand: RequestGuard<'_>,
    ) -> Option<()> {
        let head = charge.head(received)?;
        let body = received.get(charge.body())?;
        let sent_id = head.all(request_id::HEADER).next();
        let request_id = request_id::of(sent_id, || self.exchange.random(request_id::random));
        let routed = match self.refuse_too_much(&in_hand) {
            Ok(()) => {
                self.charge(head, body, &request_id, watchdog, started)
                    .await
            }
            Err(failure) => Err(failure),
        };
        let reply = self.reply(routed.map(|routed| (routed, true)), request_id);
        let (status, outcome, closes) = (reply.status, reply.outcome, reply.closes);
        let deadline = Instant::now() + self.shared.now().config.timeouts.client;
        let sent = std::pin::pin!(reply.send_plain(stream));
        let sent = watchdog.guard(deadline, sent).await;
        let metrics = self.shared.metrics.requests();
        metrics.ended(status, outcome, started.elapsed());
        (matches!(sent, Ok(Ok(()))) && !closes).then_some(())
    }

    /// Weighs a charge by what is in force now, and finds a substation that takes it.
    pub(super) async fn charge(
        &self,
        head: Head<'_>,
        body: &[u8],
        request_id: &http::HeaderValue,
        watchdog: &mut Watchdog,
        now: Instant,
    ) -> Result<Routed, Failure> {
        // From here on it goes by this, however long its body took to come.
        let by = self.shared.snapshot();
        let charge = Charge::parse(body, &by.config.charge)?;
        self.route(by, head, &charge, request_id, watchdog, now)
            .await
    }
}

#[cfg(test)]
mod tests;
