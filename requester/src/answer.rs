//! What a target answered, as far as a report is interested in it.

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use serde::Deserialize;

/// The answer header that names the substation.
const SUBSTATION: &str = "x-substation";

/// Of a refusal only so much is kept; an error body is a few hundred bytes.
const KEPT_BODY: usize = 64 * 1024;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(head: Parts) -> Self {
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Vec::new(),
        }
    }

    /// Takes the next piece of the body. Only a refusal has something to say there.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        if self.is_refusal() && self.body.len() + piece.len() <= KEPT_BODY {
            self.body.extend_from_slice(piece);
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    fn is_refusal(&self) -> bool {
        self.status >= 400
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
        if !self.is_refusal() {
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
        let mut answer = Answer::new(head);
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
    fn an_endless_refusal_is_not_kept() {
        let mut answer = answer(500, &[]);
        for _ in 0..1000 {
            answer.push(&Bytes::from_static(&[b' '; 1000]));
        }
        assert!(answer.body.len() <= KEPT_BODY);
    }
}
