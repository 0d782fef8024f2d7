use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::ClientConfig;

use super::*;
use crate::test_server::serve;

const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_url_is_split_into_what_a_request_needs() {
    let parts = |url| Url::parse(url).map(|url| (url.authority, url.path));
    let said = |authority: &str, path: &str| Ok((authority.to_owned(), path.to_owned()));
    assert_eq!(parts("http://127.0.0.1:9901"), said("127.0.0.1:9901", "/"));
    assert_eq!(parts("http://[::1]:9901/"), said("[::1]:9901", "/"));
    assert_eq!(
        parts("http://proxy.example/ready?x=1"),
        said("proxy.example:80", "/ready?x=1")
    );
    assert_eq!(
        parts("https://proxy.example"),
        said("proxy.example:443", "/")
    );
    for (url, error) in [
        ("", UrlError::Malformed),
        ("http://", UrlError::Malformed),
        ("http:///ready", UrlError::Malformed),
        ("http://127.0.0.1:99999/", UrlError::Malformed),
        ("127.0.0.1:9901", UrlError::Scheme),
        ("ftp://127.0.0.1:9901", UrlError::Scheme),
        ("/ready", UrlError::Scheme),
        ("http://:9901/", UrlError::NoHost),
        ("http://127.1:9901/", UrlError::Ambiguous),
        ("http://0177.0.0.1:9901/", UrlError::Ambiguous),
    ] {
        assert_eq!(parts(url), Err(error), "{url}");
    }
}

#[test]
fn a_request_names_its_host_and_carries_its_token() {
    let (authority, server) = serve("HTTP/1.1 200 OK\r\n\r\n");
    let client = Client::new(&*authority, TIMEOUT).with_bearer(Some("secret".to_owned()));
    client.get("/ready").unwrap();
    assert_eq!(
        server.join().unwrap(),
        format!(
            "GET /ready HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer secret\r\nconnection: close\r\n\r\n"
        )
    );
}

#[test]
fn a_post_says_that_it_has_no_body() {
    let (authority, server) = serve("HTTP/1.1 204 No Content\r\n\r\n");
    let response = Client::new(&*authority, TIMEOUT).post("/reload").unwrap();
    assert!(response.is_success());
    let request = server.join().unwrap();
    assert!(
        request.starts_with("POST /reload HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\ncontent-length: 0\r\n"), "{request}");
}

#[test]
fn lines_arrive_before_the_answer_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(listener.local_addr().unwrap().to_string(), TIMEOUT);
    let streaming = thread::spawn(move || client.get("/events").map(Response::into_body));
    let (mut stream, _) = listener.accept().unwrap();
    // To close with unread bytes would reset the connection.
    assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n")
        .unwrap();
    let mut body = streaming.join().unwrap().unwrap();
    let mut line = String::new();
    body.read_line(&mut line).unwrap();
    assert_eq!(line, "data: 1\n");
    stream.write_all(b"data: 2\n").unwrap();
    drop(stream);
    line.clear();
    body.read_to_string(&mut line).unwrap();
    assert_eq!(line, "data: 2\n");
}

#[test]
fn of_a_long_body_only_the_limit_is_read() {
    let (authority, server) = serve("HTTP/1.1 500 \r\n\r\n0123456789");
    let response = Client::new(authority, TIMEOUT).get("/").unwrap();
    assert_eq!((response.status(), response.is_success()), (500, false));
    assert_eq!(response.status_line(), "HTTP/1.1 500");
    assert_eq!(response.text(4).unwrap(), "0123");
    server.join().unwrap();
}

#[test]
fn a_head_ends_with_an_empty_line() {
    let mut answer = "HTTP/1.1 200 OK\r\ncontent-type: x\r\n\r\nbody".as_bytes();
    assert_eq!(read_head(&mut answer).unwrap().0, 200);
    assert_eq!(answer, b"body");
    let mut unfinished = "HTTP/1.1 200 OK\r\nunfinished".as_bytes();
    let error = read_head(&mut unfinished).unwrap_err();
    assert!(
        matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof),
        "{error:?}"
    );
}

#[test]
fn what_has_no_status_is_not_http() {
    for answer in [
        "",
        "200",
        "220 mail.example\r\n",
        "HTTP/1.1 \r\n\r\n",
        "\u{0}",
    ] {
        let error = read_head(&mut answer.as_bytes()).unwrap_err();
        assert!(
            matches!(&error, Error::NotHttp { line } if line == answer.trim_end()),
            "{answer:?}: {error:?}"
        );
    }
}

#[test]
fn a_head_without_end_is_given_up() {
    let mut endless = BufReader::new(io::repeat(b'x'));
    assert!(matches!(
        read_head(&mut endless),
        Err(Error::NotHttp { .. })
    ));
    let mut endless = BufReader::new("HTTP/1.1 200 OK\r\n".as_bytes().chain(io::repeat(b'x')));
    assert!(matches!(read_head(&mut endless), Err(Error::Io(_))));
}

#[test]
fn a_silent_server_ends_the_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(
        listener.local_addr().unwrap().to_string(),
        Duration::from_millis(20),
    );
    let error = client.get("/ready").unwrap_err();
    assert!(
        matches!(&error, Error::Io(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)),
        "{error:?}"
    );
}

#[test]
fn a_port_with_tls_is_told_from_one_that_speaks_no_http() {
    let alert = "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{32}";
    let error = read_head(&mut alert.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("write https://"), "{error}");
}

#[test]
fn a_port_without_tls_is_named_as_such() {
    let (authority, server) = serve("HTTP/1.1 400 Bad Request\r\n\r\n");
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let tls = Tls::new(Arc::new(config), "localhost").unwrap();
    let client = Client::new(authority, TIMEOUT).with_tls(Some(tls));
    let error = client.get("/ready").unwrap_err();
    assert!(error.to_string().contains("write http://"), "{error}");
    // What came was no text.
    drop(server);
}
