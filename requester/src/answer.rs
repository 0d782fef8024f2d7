//! A target's answer, as far as a report needs it.

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use serde::Deserialize;

/// The answer header that names the substation.
const SUBSTATION: &str = "x-substation";

/// The most that is kept of a refusal's body; an error body is a few hundred bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// The most that is kept of a page; the proxy's with a thousand substations is 1 MiB.
const MAX_PAGE: usize = 16 * 1024 * 1024;

/// Which bodies to keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeepBody {
    /// Only those of refusals, which carry the error code.
    Refusals,
    /// All of them.
    All,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    /// The most bytes of the body that are kept.
    limit: usize,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(head: Parts, keep: KeepBody) -> Self {
        let status = head.status.as_u16();
        Self {
            status,
            headers: head.headers,
            limit: match keep {
                KeepBody::All => MAX_PAGE,
                KeepBody::Refusals if status >= 400 => MAX_REFUSAL,
                KeepBody::Refusals => 0,
            },
            body: Vec::new(),
        }
    }

    /// Appends the next piece of the body, if it is kept and still fits.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        if self.body.len() + piece.len() <= self.limit {
            self.body.extend_from_slice(piece);
        }
    }

    /// As much of the body as was kept.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The name of the substation that answered, if the answer has it.
    pub(crate) fn substation(&self) -> Option<&str> {
        self.headers.get(SUBSTATION)?.to_str().ok()
    }

    /// The `error.code` of a refusal.
    pub(crate) fn code(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Body {
            error: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            code: String,
        }
        if self.status < 400 {
            return None;
        }
        let body: Body = serde_json::from_slice(&self.body).ok()?;
        Some(body.error.code)
    }
}

#[cfg(test)]
impl Answer {
    /// An answer with an empty body, which may name a substation.
    pub(crate) fn test(status: u16, substation: Option<&str>) -> Self {
        let mut response = http::Response::builder().status(status);
        if let Some(name) = substation {
            response = response.header(SUBSTATION, name);
        }
        let head = response.body(()).unwrap().into_parts().0;
        Self::new(head, KeepBody::Refusals)
    }
}

#[cfg(test)]
mod tests;
