//! The request line: `method target version`.

use std::ops::Range;

use memchr::memchr;

use super::{LONGEST_LINE, RequestFault};
use crate::{authority::Authority, request::is_token};

/// A request line; positions count from its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) method: Range<usize>,
    /// Empty in a URL without a path, which stands for "/".
    pub(super) path: Range<usize>,
    /// Without the question mark.
    pub(super) query: Option<Range<usize>>,
    /// The host and port of a URL, and the default port of its scheme.
    pub(super) authority: Option<(Range<usize>, u16)>,
    /// 1 in HTTP/1.1, 0 in HTTP/1.0.
    pub(super) minor: u8,
    /// With its line end.
    pub(super) length: usize,
}

/// How far the search for the end of a request line has come, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct LineSearch {
    searched: usize,
    /// The length of the method, once its blank has arrived.
    method: Option<usize>,
}

#[cfg(test)]
impl LineSearch {
    pub(super) const fn searched(&self) -> usize {
        self.searched
    }
}

impl RequestLine {
    /// The line that `bytes` begin with; `None` if its end has not arrived, and it may still become one.
    pub(super) fn read(
        bytes: &[u8],
        search: &mut LineSearch,
        limit: usize,
    ) -> Result<Option<Self>, RequestFault> {
        let ahead = bytes.get(search.searched..).unwrap_or_default();
        let end = memchr(b'\n', ahead).map(|at| search.searched + at);
        let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        // A carriage return may become an empty line.
        if end.is_none() && matches!(line, [] | [b'\r']) {
            return Ok(None);
        }
        let longest = limit.min(LONGEST_LINE);
        let method = if let Some(method) = search.method {
            method
        } else {
            // Only as far as the line may be long: what comes first in the bytes is the fault, however they are cut.
            let within = line.get(..line.len().min(longest + 1)).unwrap_or_default();
            let ahead = within.get(search.searched..).unwrap_or_default();
            let blank = memchr(b' ', ahead);
            let part = ahead
                .get(..blank.unwrap_or(ahead.len()))
                .unwrap_or_default();
            let length = search.searched + part.len();
            // A peer that does not speak HTTP may never send a line feed, so it is refused as soon as it shows.
            if length == 0 || !part.is_empty() && !is_token(part) {
                return Err(RequestFault::RequestLine);
            }
            search.method = blank.map(|_| length);
            length
        };
        if line.len() > longest {
            return Err(RequestFault::TargetTooLong(longest));
        }
        search.searched = line.len();
        let Some(end) = end else { return Ok(None) };
        let line = line.strip_suffix(b"\r").ok_or(RequestFault::BareLineFeed)?;
        Self::parse(line, method, end + 1).map(Some)
    }

    fn parse(line: &[u8], method: usize, length: usize) -> Result<Self, RequestFault> {
        let rest = line.get(method + 1..).ok_or(RequestFault::RequestLine)?;
        let blank = memchr(b' ', rest).ok_or(RequestFault::RequestLine)?;
        let (target, version) = rest
            .split_at_checked(blank)
            .ok_or(RequestFault::RequestLine)?;
        if target.is_empty()
            || version
                .get(1..)
                .is_some_and(|version| version.contains(&b' '))
        {
            return Err(RequestFault::RequestLine);
        }
        let name = line.get(..method).unwrap_or_default();
        let minor = match version {
            b" HTTP/2.0" if name == b"PRI" => return Err(RequestFault::Preface),
            b" HTTP/1.1" => 1,
            b" HTTP/1.0" => 0,
            [b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                return Err(RequestFault::Version);
            }
            _ => return Err(RequestFault::VersionForm),
        };
        if target.contains(&b'#') {
            return Err(RequestFault::Fragment);
        }
        if !target.iter().all(u8::is_ascii_graphic) {
            return Err(RequestFault::TargetCharacter);
        }
        if name == b"CONNECT" {
            return Err(RequestFault::Tunnel);
        }
        let authority = match target {
            [b'/', ..] => None,
            b"*" if name == b"OPTIONS" => None,
            _ => Some(url(target)?),
        };
        let start = authority.as_ref().map_or(0, |(host, _)| host.end);
        let question = memchr(b'?', target.get(start..).unwrap_or_default()).map(|at| start + at);
        let (path, query) = target.split_at(question.unwrap_or(target.len()));
        // What no URL has as it is (RFC 3986), and what others read in their own ways. In a query browsers send '`'.
        if path.iter().any(|byte| b"<>`".contains(byte))
            || query.iter().any(|byte| b"\"<>".contains(byte))
        {
            return Err(RequestFault::TargetCharacter);
        }
        let here = |part: Range<usize>| part.start + method + 1..part.end + method + 1;
        Ok(Self {
            method: 0..method,
            path: here(start..question.unwrap_or(target.len())),
            query: question.map(|at| here(at + 1..target.len())),
            authority: authority.map(|(host, port)| (here(host), port)),
            minor,
            length,
        })
    }
}

/// Where a URL has its host and port, and the default port of its scheme.
fn url(target: &[u8]) -> Result<(Range<usize>, u16), RequestFault> {
    let begins = |scheme: &[u8]| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let (start, port) = if begins(b"http://") {
        (7, 80)
    } else if begins(b"https://") {
        (8, 443)
    } else {
        return Err(RequestFault::Target);
    };
    let rest = target.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    let host = start..start + length;
    Authority::parse(target.get(host.clone()).unwrap_or_default())
        .ok_or(RequestFault::TargetHost)?;
    Ok((host, port))
}
