use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::PATIENCE;

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn ask(backend: &Streaming, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(backend.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn expect(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
}

#[test]
fn steps_follow_each_other_and_wait_for_the_test() {
    let backend = Streaming::always(vec![
        Step::ReadBody,
        Step::events(),
        Step::Await,
        Step::event("one"),
        Step::Chunk(Vec::new()),
    ]);
    let mut client = ask(
        &backend,
        "POST /v1 HTTP/1.1\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    expect(&mut client, "HTTP/1.1 200 OK\r\n");
    until("the body", || {
        backend.last().is_some_and(|last| last.is_whole)
    });
    let last = backend.last().unwrap();
    assert_eq!(
        (last.body.as_slice(), last.header("x-a")),
        (b"abc".as_slice(), Some("b"))
    );
    assert_eq!(backend.at_work(), 1);
    backend.release(1);
    expect(
        &mut client,
        "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n0\r\n\r\n",
    );
    until("the end", || backend.at_work() == 0);
    assert_eq!(backend.left(), 0);
}

#[test]
fn the_end_of_the_other_side_is_noticed_whatever_is_done() {
    for step in [
        Step::Await,
        Step::Hang,
        Step::Forever(vec![b'x'; 1024]),
        Step::ReadBody,
    ] {
        let backend = Streaming::always(vec![step]);
        let client = ask(
            &backend,
            "POST / HTTP/1.1\r\ncontent-length: 100000\r\n\r\nsome of it",
        );
        until("the request", || backend.at_work() == 1);
        drop(client);
        until("its end", || backend.at_work() == 0);
        assert_eq!(backend.left(), 1);
    }
}

#[test]
fn an_echo_ends_with_the_other_side() {
    let backend = Streaming::always(vec![Step::head("101 Switching Protocols", ""), Step::Echo]);
    let mut client = ask(&backend, "GET /ws HTTP/1.1\r\n\r\nearly");
    expect(&mut client, "HTTP/1.1 101 Switching Protocols\r\n\r\nearly");
    client.write_all(b" late").unwrap();
    expect(&mut client, " late");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(backend.last().unwrap().body, b"early late");
}
