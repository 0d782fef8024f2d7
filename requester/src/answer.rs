//! What a target answered, as far as a report is interested in it.

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use serde::Deserialize;

/// The answer header that names the substation.
const SUBSTATION: &str = "x-substation";

/// Of a refusal only so much is kept; an error body is a few hundred bytes.
const KEPT_BODY: usize = 64 * 1024;

/// Of a page; the proxy's with a thousand substations is 1 MiB.
const KEPT_PAGE: usize = 16 * 1024 * 1024;

/// What of the bodies is worth keeping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keep {
    /// Only a refusal says in its body what nothing else says.
    Refusals,
    /// All of it.
    All,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    room: usize,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(head: Parts, keep: Keep) -> Self {
        let status = head.status.as_u16();
        Self {
            status,
            headers: head.headers,
            room: match keep {
                Keep::All => KEPT_PAGE,
                Keep::Refusals if status >= 400 => KEPT_BODY,
                Keep::Refusals => 0,
            },
            body: Vec::new(),
        }
    }

    /// Takes the next piece of the body, if it is worth keeping.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        if self.body.len() + piece.len() <= self.room {
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

    /// Which substation it says it was.
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
mod tests {
    use super::*;

    fn answer(status: u16, pieces: &[&'static str]) -> Answer {
        let response = http::Response::builder().status(status);
        let (head, ()) = response.body(()).unwrap().into_parts();
        let mut answer = Answer::new(head, Keep::Refusals);
        for piece in pieces {
            answer.push(&Bytes::from_static(piece.as_bytes()));
        }
        answer
    }

    #[test]
    fn a_refusal_says_its_code_and_nothing_else_does() {
        let body = [r#"{"error":{"co"#, r#"de":"no_capacity","more":1}}"#];
        assert_eq!(answer(503, &body).code().as_deref(), Some("no_capacity"));
        assert_eq!(answer(200, &body).code(), None);
        for other in [
            "",
            "<html>",
            r#"{"error":"text"}"#,
            r#"{"error":{"code":3}}"#,
        ] {
            assert_eq!(answer(503, &[other]).code(), None, "{other}");
        }
    }

    #[test]
    fn a_page_is_kept_where_it_is_asked_for() {
        let page = Bytes::from_static(b"load 1\n");
        for (keep, kept) in [(Keep::All, &page[..]), (Keep::Refusals, b"")] {
            let head = http::Response::new(()).into_parts().0;
            let mut answer = Answer::new(head, keep);
            answer.push(&page);
            assert_eq!(answer.body(), kept);
        }
    }

    #[test]
    fn an_endless_refusal_is_not_kept() {
        let mut answer = answer(500, &[]);
        for _ in 0..1000 {
            answer.push(&Bytes::from_static(&[b' '; 1000]));
        }
        assert!(answer.body.len() <= KEPT_BODY);
    }
}
