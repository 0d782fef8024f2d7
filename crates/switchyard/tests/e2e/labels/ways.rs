//! Every way in reads what a charge needs.

use bytes::Bytes;
use http::Request;
use switchyard_faults::{self as client, Connection};
use tokio::net::TcpStream;

use super::{SELECT, booked_by, charge, start};
use crate::{h2::runtime, rig::Proxy, substations::Substations};

const LABELS: [&str; 3] = [
    "labels: {connector: \"ccs, type2\", zone: a, power: 150}",
    "labels: {connector: type2, zone: a, power: 22}",
    "labels: {connector: ccs, zone: b, power: 50}",
];

/// What a charge says, and where it has to go.
const CASES: [(&str, &str, &str); 6] = [
    ("a", r#"{"connector_type": "ccs"}"#, "s1"),
    ("b", "", "s3"),
    ("b", r#"{"connector_type": null}"#, "s3"),
    (
        "b",
        r#"{"note": {"connector_type": "type2"}, "connector_type": "ccs"}"#,
        "s3",
    ),
    ("", r#"{"connector_type": "type2", "power_kw": 50}"#, "s1"),
    (
        " b ",
        r#"{"connector\u005ftype": " ccs ", "note": null}"#,
        "s3",
    ),
];

fn town(extra: &str) -> (Substations, Proxy) {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = start(&substations, &LABELS, &format!("{SELECT}{extra}"));
    (substations, proxy)
}

#[test]
fn over_http1_the_first_request_and_later_ones_go_where_they_can() {
    let (_substations, proxy) = town("");
    let mut connection = Connection::open(proxy.charge);
    for (zone, body, substation) in CASES {
        let zone = format!("X-Zone: {zone}\r\n");
        assert_eq!(
            booked_by(&charge(&proxy, &zone, body)),
            substation,
            "{body}"
        );
        connection.send(client::request("POST", "/request_charge", &zone, body));
        assert_eq!(booked_by(&connection.answer()), substation, "{body}");
        // In chunks it takes the longer way in.
        let length = body.len();
        let chunk = if length > 0 {
            format!("{length:x}\r\n{body}\r\n")
        } else {
            String::new()
        };
        let head =
            "POST /request_charge HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n";
        connection.send(format!("{head}{zone}\r\n{chunk}0\r\n\r\n"));
        assert_eq!(booked_by(&connection.answer()), substation, "{body}");
    }
}

#[test]
fn over_http2_charges_go_where_they_can() {
    let (_substations, proxy) = town("http2: {cleartext: true}\n");
    runtime().block_on(async {
        let stream = TcpStream::connect(proxy.charge).await.unwrap();
        let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        for (zone, body, substation) in CASES {
            let request = Request::post("http://localhost/request_charge").header("x-zone", zone);
            send = send.ready().await.unwrap();
            let (answer, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
            stream.send_data(Bytes::from(body), true).unwrap();
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), 200, "{body}");
            assert_eq!(answer.headers()["x-substation"], substation, "{body}");
        }
    });
}

#[test]
fn after_a_reload_requests_go_by_the_new_labels() {
    let (substations, proxy) = town("");
    assert_eq!(booked_by(&charge(&proxy, "x-zone: b\r\n", "")), "s3");
    let addresses = substations.addresses.iter().copied();
    let moved: Vec<_> = addresses
        .zip(["labels: {zone: b}", "labels: {zone: c}", ""])
        .collect();
    let text = super::file(&moved, SELECT);
    std::fs::write(proxy.files.path().join("switchyard.yaml"), text).unwrap();
    assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);
    assert_eq!(booked_by(&charge(&proxy, "x-zone: b\r\n", "")), "s1");
    assert_eq!(charge(&proxy, "x-zone: a\r\n", "").code(), "no_match");
    assert_eq!(
        charge(&proxy, "", r#"{"connector_type": "ccs"}"#).code(),
        "no_match"
    );
}
