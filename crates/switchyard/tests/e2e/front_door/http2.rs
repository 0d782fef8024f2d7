//! Over HTTP/2 the same is refused, with the same answers.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use serde_json::Value;
use switchyard_faults::{Act, PATIENCE, Scripted, fault::booked};
use tokio::{net::TcpStream, time::timeout};

use crate::{h2::runtime, rig::Proxy};

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether an interim answer came before.
    has_interim: bool,
}

async fn connect(proxy: &Proxy) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(proxy.charge).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    send
}

/// Sends a request; its body only once an interim answer has come, where the client `waits` for that.
async fn ask(
    send: &SendRequest<Bytes>,
    request: Request<()>,
    body: &'static str,
    waits: bool,
) -> Answer {
    let mut send = send.clone().ready().await.unwrap();
    let (mut answer, mut stream) = send.send_request(request, body.is_empty()).unwrap();
    let mut has_interim = false;
    if waits {
        let interim = std::future::poll_fn(|context| answer.poll_informational(context));
        let interim = timeout(PATIENCE, interim).await.unwrap();
        has_interim = interim.is_some_and(|interim| interim.unwrap().status() == 100);
    }
    if !body.is_empty() {
        // The proxy may have answered already.
        let _ = stream.send_data(Bytes::from_static(body.as_bytes()), true);
    }
    let (head, mut body) = timeout(PATIENCE, answer)
        .await
        .unwrap()
        .unwrap()
        .into_parts();
    let mut whole = Vec::new();
    while let Some(piece) = timeout(PATIENCE, body.data()).await.unwrap() {
        whole.extend_from_slice(&piece.unwrap());
    }
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: whole,
        has_interim,
    }
}

fn proxy(extra: &str) -> (Proxy, Scripted) {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let extra = format!("http2: {{cleartext: true}}\n{extra}");
    (Proxy::start(&[substation.address], &extra), substation)
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .version(http::Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[test]
fn what_http_1_1_refuses_http_2_refuses_alike_and_the_connection_goes_on() {
    let (proxy, substation) = proxy("");
    let long = format!("http://a/{}", "x".repeat(9_000));
    let large = "x".repeat(16_500);
    runtime().block_on(async {
        let send = connect(&proxy).await;
        for (method, uri, headers, status, code) in [
            (
                "POST",
                "http://u@a/request_charge",
                &[][..],
                400,
                "invalid_request",
            ),
            (
                "POST",
                "http://a/request_charge",
                &[("host", "b")],
                400,
                "invalid_request",
            ),
            (
                "POST",
                "http://a/request_charge",
                &[("host", "<x>")],
                400,
                "invalid_request",
            ),
            ("POST", &long, &[], 414, "target_too_long"),
            (
                "POST",
                "http://a/request_charge",
                &[("x", &*large)],
                431,
                "head_too_large",
            ),
            (
                "POST",
                "http://a/request_charge",
                &[("expect", "x")],
                417,
                "expectation_failed",
            ),
            (
                "PUT",
                "http://a/request_charge",
                &[],
                405,
                "method_not_allowed",
            ),
            ("GET", "http://a/nothing", &[], 404, "not_found"),
        ] {
            let answer = ask(&send, request(method, uri, headers), "", false).await;
            let error: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(
                (answer.status, error["error"]["code"].as_str()),
                (status, Some(code)),
                "{uri:.60} {code}"
            );
            let id = error["error"]["request_id"].as_str().unwrap();
            assert_eq!(answer.headers["x-request-id"], id, "{code}");
        }
        let usual = request("POST", "http://a/request_charge", &[]);
        assert_eq!(ask(&send, usual, "{}", false).await.status, 200);
    });
    assert_eq!(substation.charges().len(), 1);
}

#[test]
fn a_client_that_expects_100_continue_gets_it_and_head_has_no_body() {
    let (proxy, substation) = proxy("");
    runtime().block_on(async {
        let send = connect(&proxy).await;
        let expecting = request(
            "POST",
            "http://A/request_charge?a=b",
            &[("expect", "100-continue"), ("host", "a:80")],
        );
        let answer = ask(&send, expecting, "{}", true).await;
        assert_eq!((answer.status, answer.has_interim), (200, true));
        let answer = ask(&send, request("HEAD", "http://a/nothing", &[]), "", false).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0));
        assert_ne!(answer.headers["content-length"], "0");
    });
    let charge = substation.charges().remove(0);
    assert!(
        charge.starts_with("POST /charge?a=b HTTP/1.1\r\n")
            && charge.contains("via: 2 switchyard\r\n"),
        "{charge}"
    );
}
