//! The head of a request over HTTP/2: what HTTP/1.1 refuses is refused here too, with the same answer.
//!
//! The `h2` crate has checked what the protocol itself defines. What it lets through and HTTP/1.1 would not is checked
//! here, since the request goes on to a substation as HTTP/1.1. One look at the headers finds all of it, and what they say
//! of the body.

use http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts};
use switchyard_http1::{
    Authority, LONGEST_LINE, MOST_HEADERS, RequestFault, Unencodable, check_field,
};

/// What HTTP/2 adds to the size of each header where it bounds a list of them, in bytes (RFC 9113 §6.5.2).
const HEADER_OVERHEAD: usize = 32;

/// The bound of a list of headers, as HTTP/2 counts it, that lets every head of `limit` bytes through. `h2` unpacks no
/// header beyond it: it answers 431 by itself, and ends the connection if the list is several times as large.
pub(super) fn largest_list(limit: usize) -> u32 {
    // Four of them are pseudo-headers.
    let overhead = (MOST_HEADERS + 4) * HEADER_OVERHEAD;
    u32::try_from(limit + overhead).unwrap_or(u32::MAX)
}

/// What a head says of the body behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BodyRules {
    /// Its length, if that is declared.
    pub(super) declared: Option<usize>,
    /// Whether the client waits for something before it sends the body.
    pub(super) expects: bool,
}

/// What one look at all headers finds.
#[derive(Default)]
struct Headers<'a> {
    /// Their size in bytes, written as in HTTP/1.1.
    size: usize,
    hosts: usize,
    host: Option<&'a HeaderValue>,
    lengths: usize,
    cookies: usize,
    body: BodyRules,
    /// The first that can't be written in HTTP/1.1.
    unfit: Option<RequestFault>,
}

impl<'a> Headers<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            found.size += name.as_str().len() + value.len() + ": \r\n".len();
            // `h2` takes names such as `x"y`, which can't be written in HTTP/1.1.
            if let Err(unfit) = check_field(name.as_str().as_bytes(), value.as_bytes()) {
                found.unfit.get_or_insert(match unfit {
                    Unencodable::HeaderValue => RequestFault::HeaderValue,
                    _ => RequestFault::HeaderName,
                });
            }
            match *name {
                header::HOST => {
                    found.hosts += 1;
                    found.host = Some(value);
                }
                header::CONTENT_LENGTH => {
                    found.lengths += 1;
                    found.body.declared = value.to_str().ok().and_then(|text| text.parse().ok());
                }
                header::EXPECT => found.body.expects = true,
                header::COOKIE => found.cookies += 1,
                _ => {}
            }
        }
        found
    }
}

/// Checks a head of at most `limit` bytes, written as in HTTP/1.1, and joins the parts of its cookie.
pub(super) fn check(head: &mut Parts, limit: usize) -> Result<BodyRules, RequestFault> {
    let mut headers = Headers::of(&head.headers);
    if headers.cookies > 1 {
        join_cookies(&mut head.headers);
        headers = Headers::of(&head.headers);
    }
    let authority = head.uri.authority().map_or("", |host| host.as_str());
    let line = "  HTTP/1.1\r\nhost: \r\n\r\n".len() + head.method.as_str().len() + authority.len();
    let path = head
        .uri
        .path_and_query()
        .map(http::uri::PathAndQuery::as_str)
        .unwrap_or_default();
    if head.method == Method::CONNECT {
        return Err(RequestFault::Tunnel);
    }
    let longest = limit.min(LONGEST_LINE);
    if path.len() > longest {
        return Err(RequestFault::TargetTooLong(longest));
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RequestFault::TargetCharacter);
    }
    let is_server = path == "*" && head.method == Method::OPTIONS;
    if !path.starts_with('/') && !is_server {
        return Err(RequestFault::Target);
    }
    if head.headers.len() > MOST_HEADERS {
        return Err(RequestFault::TooManyHeaders);
    }
    if headers.size + line + path.len() > limit {
        return Err(RequestFault::HeadTooLarge(limit));
    }
    if let Some(unfit) = headers.unfit {
        return Err(unfit);
    }
    if headers.lengths > 1 {
        return Err(RequestFault::RepeatedContentLength);
    }
    if headers.hosts > 1 {
        return Err(RequestFault::RepeatedHost);
    }
    check_host(&head.uri, headers.host)?;
    Ok(headers.body)
}

/// Checks `:authority` and `Host`: one of them is there, and both are the same if both are (RFC 9113 §8.3.1).
fn check_host(uri: &Uri, host: Option<&HeaderValue>) -> Result<(), RequestFault> {
    let host = host.map(|host| Authority::parse(host.as_bytes()).ok_or(RequestFault::Host));
    let authority = uri.authority().map(|authority| {
        let authority = authority.as_str().as_bytes();
        Authority::parse(authority).ok_or(RequestFault::TargetHost)
    });
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    match (host.transpose()?, authority.transpose()?) {
        (None, None) => Err(RequestFault::NoHost),
        (Some(host), Some(authority)) if !host.is_same(authority, default) => {
            Err(RequestFault::OtherHost)
        }
        _ => Ok(()),
    }
}

/// Joins the parts of a cookie: HTTP/2 may send it in several headers, HTTP/1.1 may not (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs = headers.get_all(header::COOKIE);
    if crumbs.iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = crumbs.iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        headers.insert(header::COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Request};

    use super::*;

    fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn checked(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), RequestFault> {
        check(&mut head(method, uri, headers), 1_000).map(drop)
    }

    #[test]
    fn a_cookie_in_crumbs_becomes_one() {
        let mut head = head(
            "POST",
            "http://a/",
            &[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")],
        );
        check(&mut head, 1_000).unwrap();
        let cookies: Vec<_> = head.headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }

    #[test]
    fn one_look_finds_what_the_head_says_of_the_body() {
        for (headers, declared, expects) in [
            (&[][..], None, false),
            (
                &[("content-length", "12"), ("cookie", "a=1")],
                Some(12),
                false,
            ),
            (
                &[
                    ("content-length", "12"),
                    ("cookie", "a=1"),
                    ("cookie", "b=2"),
                ],
                Some(12),
                false,
            ),
            (&[("expect", "100-continue")], None, true),
        ] {
            let found = check(&mut head("POST", "http://a/", headers), 1_000);
            assert_eq!(found, Ok(BodyRules { declared, expects }), "{headers:?}");
        }
    }

    #[test]
    fn what_http_1_1_refuses_is_refused() {
        let long = format!("http://a/{}", "x".repeat(9_000));
        let large = "x".repeat(1_000);
        for (method, uri, headers, fault) in [
            ("POST", "http://a/", &[][..], None),
            ("POST", "/", &[("host", "a")], None),
            ("POST", "http://A/", &[("host", "a:80")], None),
            ("POST", "https://a/", &[("host", "a:443")], None),
            ("POST", "/", &[], Some(RequestFault::NoHost)),
            (
                "POST",
                "http://a/",
                &[("host", "b")],
                Some(RequestFault::OtherHost),
            ),
            (
                "POST",
                "http://a/",
                &[("host", "a"), ("host", "a")],
                Some(RequestFault::RepeatedHost),
            ),
            (
                "POST",
                "/",
                &[("host", "a:80:81")],
                Some(RequestFault::Host),
            ),
            ("POST", "http://u@a/", &[], Some(RequestFault::TargetHost)),
            ("CONNECT", "a:80", &[], Some(RequestFault::Tunnel)),
            ("POST", &long, &[], Some(RequestFault::TargetTooLong(1_000))),
            (
                "POST",
                "http://a/",
                &[("x", &large)],
                Some(RequestFault::HeadTooLarge(1_000)),
            ),
            (
                "POST",
                "http://a/",
                &[("content-length", "1"), ("content-length", "1")],
                Some(RequestFault::RepeatedContentLength),
            ),
        ] {
            assert_eq!(
                checked(method, uri, headers).err(),
                fault,
                "{method} {uri} {headers:?}"
            );
        }
        let mut many = head("POST", "http://a/", &[]);
        for _ in 0..=MOST_HEADERS {
            many.headers.append("x", HeaderValue::from_static(""));
        }
        assert_eq!(check(&mut many, 10_000), Err(RequestFault::TooManyHeaders));
        let mut odd = head("POST", "http://a/", &[]);
        let name =
            HeaderName::from_lowercase(b"x\"y").expect("a name for `h2`, and none for HTTP/1.1");
        odd.headers.insert(name, HeaderValue::from_static("v"));
        assert_eq!(check(&mut odd, 10_000), Err(RequestFault::HeaderName));
    }
}
