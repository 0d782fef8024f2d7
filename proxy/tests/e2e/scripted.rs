//! A substation that does what a test tells it to, byte by byte.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// What to do with a request.
pub(crate) enum Act {
    /// Write these bytes and keep the connection.
    Write(Vec<u8>),
    /// Write these bytes and end the connection.
    WriteAndClose(Vec<u8>),
    /// Say nothing, and keep the connection open for as long as the client does.
    Hang,
}

/// A running script.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    closed: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers charges by `script`, and metrics with an idle gauge.
    pub(crate) fn charging(script: impl Fn() -> Act + Send + Sync + 'static) -> Self {
        Self::start(move |head| {
            if head.starts_with("GET /metrics") {
                Act::Write(page("substation_current_load 0\n"))
            } else {
                script()
            }
        })
    }

    /// Answers every request by `script`, which sees its head.
    pub(crate) fn start(script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicUsize::new(0));
        let (script, seen, count) = (Arc::new(script), Arc::clone(&requests), Arc::clone(&closed));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, seen, count) =
                    (Arc::clone(&script), Arc::clone(&seen), Arc::clone(&count));
                thread::spawn(move || {
                    serve(stream, &*script, &seen);
                    count.fetch_add(1, SeqCst);
                });
            }
        });
        Self {
            address,
            requests,
            closed,
        }
    }

    /// Connections that it has closed: the other side has the end of each by now.
    pub(crate) fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }

    /// The charges that came, each as its whole bytes.
    pub(crate) fn charges(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|request| request.starts_with("POST"))
            .cloned()
            .collect()
    }
}

fn serve(mut stream: TcpStream, script: &dyn Fn(&str) -> Act, seen: &Mutex<Vec<String>>) {
    while let Some(request) = read(&mut stream) {
        seen.lock().unwrap().push(request.clone());
        let written = match script(&request) {
            Act::Write(bytes) => stream.write_all(&bytes),
            Act::WriteAndClose(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Act::Hang => {
                let _ = stream.read(&mut [0]);
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        (stream.read(&mut byte).ok()? == 1).then_some(())?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .to_lowercase()
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| {
            rest.split("\r\n").next().unwrap().parse().unwrap()
        });
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// An answer with a Content-Length.
pub(crate) fn answer(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A metrics page.
pub(crate) fn page(text: &str) -> Vec<u8> {
    answer("200 OK", text)
}

pub(crate) fn booked() -> Vec<u8> {
    answer("200 OK", r#"{"session_id":"s-1","power_kw":11}"#)
}

pub(crate) fn no_capacity() -> Vec<u8> {
    answer(
        "503 Service Unavailable",
        r#"{"error":{"code":"no_capacity"}}"#,
    )
}
