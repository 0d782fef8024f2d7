//! One request over HTTP/2: what HTTP/1.1 refuses is refused here too, with the same answer.
//!
//! The `h2` crate has checked what the protocol itself defines. What it lets through and HTTP/1.1 would not is checked
//! here, since the request goes on to a substation as HTTP/1.1.

use std::{future::poll_fn, pin::pin};

use bytes::{Bytes, BytesMut};
use h2::{RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use switchyard_http1::{
    Authority, Head, LONGEST_LINE, MOST_HEADERS, RequestFault, Unencodable, check_field,
};
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use crate::{
    buffered::BufferShare,
    client_connection::{body_too_large, refusal, too_slow, unknown_expectation},
    client_watch::ClientWatch,
    deadline_timer::DeadlineTimer,
    dispatch::{Client, ReceivedRequest, Reply, RequestContext, VIA_HTTP2},
    ingress::{Ingress, target},
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

impl Ingress {
    /// Serves one request, or answers its `fault`. It goes on even if its connection ends: it may be booked already.
    pub(super) async fn stream(
        &self,
        client: &Client,
        (head, mut body): (Parts, RecvStream),
        mut answer: SendResponse<Bytes>,
        fault: Option<RequestFault>,
    ) {
        let runtime = self.runtime();
        let started = Instant::now();
        let snapshot = runtime.snapshot();
        let mut timer = DeadlineTimer::new(started + snapshot.config.timeouts.client);
        let mut context = RequestContext {
            snapshot,
            started,
            arrived: started,
            client,
            via: VIA_HTTP2,
            timer: &mut timer,
            in_flight: runtime.in_flight.request(),
            share: client.request(),
        };
        let (method, path) = (head.method.as_str(), head.uri.path());
        let mut share = runtime.buffer_share();
        let read = match fault {
            None => read_body(&head, &mut body, &mut answer, &mut context, &mut share).await,
            // Its answer too may wait for the client.
            Some(fault) => context.within_limit().and(Err(refusal(fault))),
        };
        context.arrived = Instant::now();
        let whole = read.clone().unwrap_or_default();
        let request = ReceivedRequest {
            head: Some(Head::Parsed(&head.headers)),
            target: read.and_then(|_| target::of(method, path)),
            query: head.uri.query(),
            body: &whole,
        };
        let watch = ClientWatch::Http2(&mut answer);
        // Boxed, so that a request whose body is still awaited does not hold the memory for its answer.
        let respond = self.dispatcher.respond(&mut context, request, watch);
        let reply = Box::pin(respond).await;
        let is_head = head.method == Method::HEAD;
        let write = async |reply: Reply| send(reply, &mut answer, is_head).await.is_some();
        self.dispatcher.deliver(&mut context, reply, write).await;
    }
}

/// Checks a head of at most `limit` bytes, written as in HTTP/1.1, and joins the parts of its cookie.
pub(super) fn check(head: &mut Parts, limit: usize) -> Result<(), RequestFault> {
    join_cookies(&mut head.headers);
    let headers = head.headers.iter();
    let size = headers.fold(0, |size, (name, value)| {
        size + name.as_str().len() + value.len() + ": \r\n".len()
    });
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
    if size + line + path.len() > limit {
        return Err(RequestFault::HeadTooLarge(limit));
    }
    // `h2` takes names such as `x"y`, which can't be written in HTTP/1.1.
    for (name, value) in &head.headers {
        check_field(name.as_str().as_bytes(), value.as_bytes()).map_err(|unfit| match unfit {
            Unencodable::HeaderValue => RequestFault::HeaderValue,
            _ => RequestFault::HeaderName,
        })?;
    }
    if head
        .headers
        .get_all(header::CONTENT_LENGTH)
        .iter()
        .nth(1)
        .is_some()
    {
        return Err(RequestFault::RepeatedContentLength);
    }
    check_host(head)
}

/// Checks `:authority` and `Host`: one of them is there, and both are the same if both are (RFC 9113 §8.3.1).
fn check_host(head: &Parts) -> Result<(), RequestFault> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (host, other) = (hosts.next(), hosts.next());
    if other.is_some() {
        return Err(RequestFault::RepeatedHost);
    }
    let host = host.map(|host| Authority::parse(host.as_bytes()).ok_or(RequestFault::Host));
    let authority = head.uri.authority().map(|authority| {
        let authority = authority.as_str().as_bytes();
        Authority::parse(authority).ok_or(RequestFault::TargetHost)
    });
    let default = if head.uri.scheme_str() == Some("https") {
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

/// Reads the whole body, unless the request is over the limit.
async fn read_body(
    head: &Parts,
    body: &mut RecvStream,
    answer: &mut SendResponse<Bytes>,
    context: &mut RequestContext<'_>,
    share: &mut BufferShare,
) -> Result<Bytes, Failure> {
    context.within_limit()?;
    // A stream ends with its answer, so a body that no answer depends on is not read.
    target::of(head.method.as_str(), head.uri.path())?;
    expect(&head.headers, body, answer)?;
    let (most, limit, waiting) = {
        let config = &context.snapshot.config;
        let limits = &config.limits;
        (limits.body, config.timeouts.client, limits.requests)
    };
    let declared = head.headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > most) {
        return Err(body_too_large(most));
    }
    let read = {
        let read = pin!(collect(body, most, share));
        let read = pin!(context.in_flight.on_client(waiting, read));
        context.timer.guard(context.started + limit, read).await
    };
    let read = read.unwrap_or_else(|_| Err(too_slow("body", limit)))?;
    // While the body came, others may have begun to work.
    context.within_limit()?;
    Ok(read)
}

/// Tells the client to send its body, if the client waits for that.
fn expect(
    headers: &HeaderMap,
    body: &RecvStream,
    answer: &mut SendResponse<Bytes>,
) -> Result<(), Failure> {
    let expected = headers.get_all(header::EXPECT).iter();
    let mut expected = expected
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|expected| !expected.is_empty())
        .peekable();
    if expected.peek().is_none() {
        return Ok(());
    }
    if !expected.all(|expected| expected.eq_ignore_ascii_case(b"100-continue")) {
        return Err(unknown_expectation());
    }
    if !body.is_end_stream() {
        let mut interim = Response::new(());
        *interim.status_mut() = StatusCode::CONTINUE;
        // It fails if the client has reset the stream, which reading its body finds out too.
        let _ = answer.send_informational(interim);
    }
    Ok(())
}

/// The whole body, at most `limit` bytes.
async fn collect(
    body: &mut RecvStream,
    limit: usize,
    share: &mut BufferShare,
) -> Result<Bytes, Failure> {
    // Nearly every body arrives in one piece and needs no second buffer.
    let mut pieces = BytesMut::new();
    while let Some(piece) = body.data().await {
        let broken = |error: h2::Error| {
            let message = format!("the body broke off: {error}");
            Failure::new(Code::InvalidRequest, message)
        };
        let piece = piece.map_err(broken)?;
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(broken)?;
        let length = pieces.len() + piece.len();
        if length > limit {
            return Err(body_too_large(limit));
        }
        share.hold(length)?;
        if pieces.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        // A piece is a part of what was read, and would keep all of that in memory until the rest comes.
        pieces.extend_from_slice(&piece);
    }
    Ok(pieces.freeze())
}

/// Sends a reply as the client makes room for it. `None` if the client has gone.
async fn send(reply: Reply, answer: &mut SendResponse<Bytes>, is_head: bool) -> Option<()> {
    let (head, mut body) = reply.into_http2(is_head).ok()?;
    let mut stream: SendStream<Bytes> = answer.send_response(head, body.is_empty()).ok()?;
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|context| stream.poll_capacity(context))
            .await?
            .ok()?;
        let piece = body.split_to(room.min(body.len()));
        stream.send_data(piece, body.is_empty()).ok()?;
    }
    Some(())
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
        check(&mut head(method, uri, headers), 1_000)
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
