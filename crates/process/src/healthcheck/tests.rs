use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// Answers one request with these bytes, and returns the verdict and the request.
fn asked(answer: &'static str) -> (Result<(), Unhealthy>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ready", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request[..read].to_vec()).unwrap()
    });
    (healthcheck(&url), server.join().unwrap())
}

#[test]
fn only_a_200_is_healthy() {
    let (health, request) = asked("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    health.unwrap();
    assert!(request.starts_with("GET /ready HTTP/1.1\r\nhost: 127.0.0.1:"));
    for answer in [
        "HTTP/1.1 503 Service Unavailable\r\n\r\n200 ",
        "HTTP/1.1 2000 \r\n\r\n",
        "200",
        "",
    ] {
        let (health, _) = asked(answer);
        let unhealthy = health.unwrap_err();
        assert!(matches!(unhealthy, Unhealthy::Answer { .. }), "{unhealthy}");
    }
}

#[test]
fn a_port_without_a_listener_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let unhealthy = healthcheck(&format!("http://{address}/ready")).unwrap_err();
    assert!(matches!(unhealthy, Unhealthy::Silent { .. }), "{unhealthy}");
}

#[test]
fn what_is_no_url_is_refused() {
    for url in [
        "",
        "127.0.0.1:5001",
        "https://127.0.0.1:1/",
        "http:///ready",
    ] {
        let unhealthy = healthcheck(url).unwrap_err();
        assert!(matches!(unhealthy, Unhealthy::Url(_)), "{url}: {unhealthy}");
    }
}
