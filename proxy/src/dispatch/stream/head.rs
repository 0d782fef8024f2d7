//! The head of a request that streams, as a substation gets it, and what the proxy says in the head of its answer.

use http::{HeaderName, HeaderValue};
use pingora_http::RequestHeader;
use switchyard_grid::Substation;
use switchyard_http1::{Origin, forwarded};
use switchyard_wire::names::{ENDPOINT_LOAD_METRICS, REQUEST_ID, SUBSTATION};

use crate::{
    client_watch::ClientWatch,
    dispatch::{operation::Operation, quota::Quota, route::SendContext},
};

/// The head of a request as a substation gets it. `None` if it can't be written.
pub(super) fn of_request(
    operation: &Operation<'_>,
    substation: &Substation,
    origin: Origin<'_>,
    context: &SendContext<'_>,
) -> Option<Box<RequestHeader>> {
    let routed = operation.routed()?;
    let (Operation::Charge { query, .. }, ClientWatch::Stream(client)) =
        (operation, &context.watch)
    else {
        return None;
    };
    let head = context.head;
    let path = routed.rule.upstream_path(routed.path);
    let target = match *query {
        None => path,
        Some(query) => {
            let mark = if path.contains('?') { "&" } else { "?" };
            [&*path, mark, query].concat().into()
        }
    };
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut request = RequestHeader::build_no_case(routed.method, target.as_bytes(), None).ok()?;
    let mut put = |name: &[u8], value: &[u8]| {
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        request.append_header(name, value).ok()
    };
    match head.all("host").next() {
        Some(host) => put(b"host", host)?,
        None => put(b"host", substation.authority().as_bytes())?,
    };
    for (name, value) in forwarded(head, origin, (REQUEST_ID, context.request_id.as_bytes())) {
        put(name, value)?;
    }
    let is_usual = matches!(routed.method, "POST" | "PUT" | "PATCH");
    match client.body_length() {
        None => put(b"transfer-encoding", b"chunked")?,
        Some(0) if !is_usual => true,
        Some(length) => put(
            b"content-length",
            itoa::Buffer::new().format(length).as_bytes(),
        )?,
    };
    if let Some(protocol) = client.upgrade() {
        put(b"connection", b"upgrade")?;
        put(b"upgrade", protocol)?;
    }
    Some(Box::new(request))
}

/// What the head of an answer gets in place of what the substation says there. Without a value, nothing.
pub(super) fn fields_of_answer(
    substation: &Substation,
    request_id: &HeaderValue,
    quota: Option<Quota>,
) -> Vec<(HeaderName, Option<HeaderValue>)> {
    let name = substation.public_name().header().clone();
    let mut fields = vec![
        (HeaderName::from_static(SUBSTATION), Some(name)),
        (
            HeaderName::from_static(REQUEST_ID),
            Some(request_id.clone()),
        ),
        (HeaderName::from_static(ENDPOINT_LOAD_METRICS), None),
    ];
    if let Some(quota) = quota {
        fields.push((HeaderName::from_static("ratelimit-policy"), quota.policy()));
        fields.push((HeaderName::from_static("ratelimit"), quota.left()));
    }
    fields
}
