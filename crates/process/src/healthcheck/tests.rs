use std::net::TcpListener;

use super::*;
use crate::test_server::serve;

fn no_tls() -> Result<Arc<ClientConfig>, String> {
    unreachable!("no URL here is https")
}

/// The verdict on this answer, and the request.
fn asked(answer: &'static str) -> (Result<(), Unhealthy>, String) {
    let (authority, server) = serve(answer);
    let health = healthcheck(&format!("http://{authority}/ready"), no_tls);
    (health, server.join().unwrap())
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
    let unhealthy = healthcheck(&format!("http://{address}/ready"), no_tls).unwrap_err();
    assert!(matches!(unhealthy, Unhealthy::Silent { .. }), "{unhealthy}");
}

#[test]
fn one_healthy_address_of_a_name_is_enough() {
    let url = "http://grid:9901/ready";
    let target = Url::parse(url).unwrap();
    let address = |authority: &str| authority.parse().unwrap();
    // Another program listens at the other addresses of the name, or nothing does.
    for stranger in ["HTTP/1.1 404 Not Found\r\n\r\n", "220 mail ready\r\n", ""] {
        let (first, other) = serve(stranger);
        let (second, healthy) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        ask(url, (&target, None), [address(&first), address(&second)]).unwrap();
        other.join().unwrap();
        let request = healthy.join().unwrap();
        assert!(request.contains("host: grid:9901\r\n"), "{request}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nothing = listener.local_addr().unwrap();
    drop(listener);
    let (second, healthy) = serve("HTTP/1.1 200 OK\r\n\r\n");
    ask(url, (&target, None), [nothing, address(&second)]).unwrap();
    healthy.join().unwrap();

    // An answer says more than an address where nothing listens.
    let (first, other) = serve("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    let unhealthy = ask(url, (&target, None), [address(&first), nothing]).unwrap_err();
    assert!(unhealthy.to_string().contains("503"), "{unhealthy}");
    other.join().unwrap();
}

#[test]
fn what_is_no_url_is_refused() {
    for url in [
        "",
        "127.0.0.1:5001",
        "ftp://127.0.0.1:1/",
        "http:///ready",
        "http://127.1:5001/ready",
    ] {
        let unhealthy = healthcheck(url, no_tls).unwrap_err();
        assert!(
            matches!(unhealthy, Unhealthy::Url(..)),
            "{url}: {unhealthy}"
        );
    }
}
