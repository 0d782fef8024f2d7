//! Finds a plain request that has arrived whole.
//!
//! Nearly all charges look the same: one `POST` of a known path, a handful of headers, a few bytes of body, all of it
//! in one packet on a connection that stays open. Such a request needs none of what a full HTTP session does. So the
//! received bytes are searched once. If they begin with a plain request, it is taken from them. In case of any
//! doubt, [`WholeRequest::find`] returns `None`, and [`IncomingDecoder`](crate::IncomingDecoder) gets the bytes unchanged.
//!
//! A plain request means the same to every reader. Its lines end in CR LF, and no header is folded. It has one
//! valid `Host`, at most one `Content-Length`, in digits, and no other header that decides where the request ends or
//! whether its connection stays open.

use std::mem::MaybeUninit;

use crate::{
    authority::Authority,
    decoder::{decimal, end_of_head},
    headers::{Head, HeaderSpan},
};

/// The most headers of a plain request.
const MAX_HEADERS: usize = 32;
/// The largest head of a plain request, in bytes.
const LARGEST_HEAD: usize = 8 * 1024;

/// The most bytes of a plain request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Of its request line and headers. A larger limit than 8 KiB counts as that.
    pub head: usize,
    /// Of its body.
    pub body: usize,
}

/// The position of a whole, plain request in the received bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeRequest {
    head: usize,
    end: usize,
    fields: HeaderSpans,
}

/// Where the headers are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeaderSpans {
    all: [HeaderSpan; MAX_HEADERS],
    count: usize,
}

impl WholeRequest {
    /// Finds the whole, plain request that `received` begins with: one of `lines`, each with its CR LF, then headers,
    /// then a body, all within `limits`. `None` if there is none, or any doubt.
    #[must_use]
    pub fn find(received: &[u8], lines: &[&[u8]], limits: RequestLimits) -> Option<Self> {
        if !lines.iter().any(|line| received.starts_with(line)) {
            return None;
        }
        let head = end_of_head(received, limits.head.min(LARGEST_HEAD))?;
        let mut found = Self {
            head,
            end: head,
            fields: HeaderSpans {
                all: [HeaderSpan::default(); MAX_HEADERS],
                count: 0,
            },
        };
        let body = read_head(received.get(..head)?, &mut found.fields)?;
        found.end = head.checked_add(body)?;
        if body > limits.body || found.end > received.len() {
            return None;
        }
        Some(found)
    }

    /// Its length in bytes, head and body.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.end
    }

    /// Its head and its body; `received` must be the bytes that it was found in.
    #[must_use]
    #[inline]
    pub fn parts<'a>(&'a self, received: &'a [u8]) -> Option<(Head<'a>, &'a [u8])> {
        let fields = self.fields.all.get(..self.fields.count)?;
        let head = Head::Raw(received.get(..self.head)?, fields);
        Some((head, received.get(self.head..self.end)?))
    }
}

/// The length of the body; writes down the positions of the headers. `None` if the head is not plain.
fn read_head(head: &[u8], found: &mut HeaderSpans) -> Option<usize> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(head, &mut fields);
    if parsed != Ok(httparse::Status::Complete(head.len())) {
        return None;
    }
    found.count = request.headers.len();
    let (mut hosts, mut length) = (0, None);
    for (field, at) in request.headers.iter().zip(&mut found.all) {
        *at = HeaderSpan::find(head, field.name.as_bytes(), field.value)?;
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("host") {
            Authority::parse(field.value)?;
            hosts += 1;
        } else if is("content-length") {
            let digits = decimal(field.value).ok()?;
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
    (hosts == 1).then_some(length)
}
