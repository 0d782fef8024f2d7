//! The headers of a client's request, whoever parsed them.

use http::HeaderMap;

use crate::codec;

/// The headers of one request.
#[derive(Clone, Copy, Debug)]
pub enum Head<'a> {
    /// As Pingora's session gives them.
    Parsed(&'a HeaderMap),
    /// The bytes of a whole head, request line included, that has been checked.
    Plain(&'a [u8]),
}

impl<'a> Head<'a> {
    /// All of them, in their order; names in whatever case.
    pub fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        match self {
            Self::Parsed(headers) => Fields::Parsed(headers.iter()),
            Self::Plain(head) => Fields::Plain(codec::fields(head)),
        }
    }

    /// The values of every header of this name.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// One iterator for both kinds.
enum Fields<'a, P> {
    Parsed(http::header::Iter<'a, http::HeaderValue>),
    Plain(P),
}

impl<'a, P: Iterator<Item = (&'a [u8], &'a [u8])>> Iterator for Fields<'a, P> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Parsed(fields) => fields
                .next()
                .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())),
            Self::Plain(fields) => fields.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn both_kinds_tell_the_same() {
        let plain = Head::Plain(b"POST / HTTP/1.1\r\nHost: a\r\nCookie:b\r\ncookie: c \r\n\r\n");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("a"));
        headers.append(header::COOKIE, HeaderValue::from_static("b"));
        headers.append(header::COOKIE, HeaderValue::from_static("c"));
        for head in [plain, Head::Parsed(&headers)] {
            assert_eq!(head.fields().count(), 3);
            assert_eq!(head.all("cookie").collect::<Vec<_>>(), [b"b", b"c"]);
            assert_eq!(head.all("host").next(), Some(&b"a"[..]));
            assert_eq!(head.all("te").next(), None);
        }
    }
}
