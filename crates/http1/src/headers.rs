//! The headers of a client's request, whichever parser found them.

use http::HeaderMap;

/// The headers of one request.
#[derive(Clone, Copy, Debug)]
pub enum Head<'a> {
    /// Parsed by another crate, from HTTP/2.
    Parsed(&'a HeaderMap),
    /// The bytes of a whole head, and where in them the headers are.
    Raw(&'a [u8], &'a [HeaderSpan]),
}

/// Where in a head of at most 64 KiB a header is, as byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderSpan {
    name: (u16, u16),
    value: (u16, u16),
}

impl HeaderSpan {
    /// The position of a name and its value, if both are parts of `head`.
    #[must_use]
    pub fn find(head: &[u8], name: &[u8], value: &[u8]) -> Option<Self> {
        Some(Self {
            name: part_of(head, name)?,
            value: part_of(head, value)?,
        })
    }

    /// The name and the value, in the head that they were found in.
    #[inline]
    fn slices(self, head: &[u8]) -> (&[u8], &[u8]) {
        let part = |(begin, end): (u16, u16)| head.get(begin.into()..end.into());
        let (name, value) = (part(self.name), part(self.value));
        (name.unwrap_or_default(), value.unwrap_or_default())
    }
}

fn part_of(head: &[u8], part: &[u8]) -> Option<(u16, u16)> {
    // An empty value may be a constant of the parser's.
    if part.is_empty() {
        return Some((0, 0));
    }
    let begin = part
        .as_ptr()
        .addr()
        .checked_sub(head.as_ptr().addr())
        .filter(|begin| begin + part.len() <= head.len())?;
    let end = u16::try_from(begin + part.len()).ok()?;
    Some((u16::try_from(begin).ok()?, end))
}

impl<'a> Head<'a> {
    /// All headers in their order; names keep the case in which they were sent.
    #[inline]
    pub fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        match self {
            Self::Parsed(headers) => Fields::Parsed(headers.iter()),
            Self::Raw(head, fields) => Fields::Raw(head, fields.iter()),
        }
    }

    /// The values of every header of this name, compared without regard to case.
    #[inline]
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// One iterator for both kinds.
enum Fields<'a> {
    Parsed(http::header::Iter<'a, http::HeaderValue>),
    Raw(&'a [u8], std::slice::Iter<'a, HeaderSpan>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Parsed(fields) => fields
                .next()
                .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())),
            Self::Raw(head, fields) => fields.next().map(|field| field.slices(head)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn both_kinds_yield_the_same_headers() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nCookie:b\r\ncookie: c\r\n\r\n";
        let at = |name: std::ops::Range<usize>, value: std::ops::Range<usize>| {
            HeaderSpan::find(head, &head[name], &head[value]).unwrap()
        };
        let fields = [at(17..21, 23..24), at(26..32, 33..34), at(36..42, 44..45)];
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("a"));
        headers.append(header::COOKIE, HeaderValue::from_static("b"));
        headers.append(header::COOKIE, HeaderValue::from_static("c"));
        for head in [Head::Raw(head, &fields), Head::Parsed(&headers)] {
            assert_eq!(head.fields().count(), 3);
            assert_eq!(head.all("cookie").collect::<Vec<_>>(), [b"b", b"c"]);
            assert_eq!(head.all("host").next(), Some(&b"a"[..]));
            assert_eq!(head.all("te").next(), None);
        }
    }

    #[test]
    fn bytes_outside_a_head_have_no_span_in_it() {
        let both = vec![b'a'; 80_000];
        let (head, behind) = both.split_at(70_000);
        assert!(HeaderSpan::find(head, &head[..1], &head[1..2]).is_some());
        assert_eq!(HeaderSpan::find(head, &head[..1], behind), None);
        assert_eq!(HeaderSpan::find(behind, &head[..1], behind), None);
        assert_eq!(
            HeaderSpan::find(head, &head[66_000..66_001], &head[..1]),
            None
        );
    }
}
