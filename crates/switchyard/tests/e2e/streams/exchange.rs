//! One request and its answer, piece by piece, however it travels.

mod http1;
mod http2;

use std::collections::HashMap;

use super::rig::{Rig, Way};
pub(super) use http1::Http1;
pub(super) use http2::Http2;

/// What follows the head of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    None,
    Whole(&'a [u8]),
    /// Pieces that come later, without a length.
    Pieces,
    /// Pieces that come later, so many bytes together.
    Announced(usize),
}

/// The final head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// By name, in lower case.
    pub(super) headers: HashMap<String, String>,
    /// The interim answers before it.
    pub(super) interim: Vec<u16>,
}

/// An answer ended before it was whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut;

/// A request under way. Dropped, its client leaves: its connection closes, over HTTP/2 its stream is reset.
pub(super) enum Exchange {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

impl Exchange {
    pub(super) fn begin(
        rig: &Rig,
        way: Way,
        target: (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Self {
        if way.is_http2() {
            Self::Http2(Box::new(Http2::begin(rig, way, target, headers, body)))
        } else {
            Self::Http1(Box::new(Http1::begin(rig, way, target, headers, body)))
        }
    }

    /// Sends a piece of the body. False if the other side takes no more.
    pub(super) fn send(&mut self, piece: &[u8]) -> bool {
        match self {
            Self::Http1(exchange) => exchange.send(piece),
            Self::Http2(exchange) => exchange.send(piece),
        }
    }

    /// Ends the body.
    pub(super) fn end(&mut self) {
        match self {
            Self::Http1(exchange) => exchange.end(),
            Self::Http2(exchange) => exchange.end(),
        }
    }

    /// Waits for the status of the next interim answer.
    pub(super) fn interim(&mut self) -> u16 {
        match self {
            Self::Http1(exchange) => exchange.interim(),
            Self::Http2(exchange) => exchange.interim(),
        }
    }

    /// Waits for the final head. None if the connection or the stream ends before.
    pub(super) fn head(&mut self) -> Option<Head> {
        match self {
            Self::Http1(exchange) => exchange.head(),
            Self::Http2(exchange) => exchange.head(),
        }
    }

    /// Waits for the next piece of the answer's body. None behind the last.
    pub(super) fn piece(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        match self {
            Self::Http1(exchange) => exchange.piece(),
            Self::Http2(exchange) => exchange.piece(),
        }
    }

    /// Waits until this has come, which is nothing else than this.
    pub(super) fn expect(&mut self, text: &str) {
        expect(text, || self.piece());
    }

    /// The rest of the answer's body.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, Cut> {
        let mut rest = Vec::new();
        while let Some(piece) = self.piece()? {
            rest.extend(piece);
        }
        Ok(rest)
    }

    /// The status and the code of an error of the proxy.
    pub(super) fn refusal(&mut self) -> (u16, String) {
        let head = self.head().expect("an answer");
        let body = self.rest().expect("a whole answer");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let code = body["error"]["code"].as_str().unwrap();
        (head.status, code.to_owned())
    }
}

/// Waits until `piece` has brought this text.
fn expect(text: &str, mut piece: impl FnMut() -> Result<Option<Vec<u8>>, Cut>) {
    let mut come = Vec::new();
    while come.len() < text.len() {
        match piece() {
            Ok(Some(piece)) => come.extend(piece),
            end => panic!("{end:?} behind {:?}", String::from_utf8_lossy(&come)),
        }
    }
    assert_eq!(String::from_utf8_lossy(&come), text);
}
