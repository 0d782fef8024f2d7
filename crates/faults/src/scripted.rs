//! A substation that does what a test tells it, byte by byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use socket2::SockRef;

use crate::{act::Act, fault};

/// A running substation. Clones are handles to the same substation.
#[derive(Clone, Debug)]
pub struct Scripted {
    /// The address that it listens on.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    closed: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers charges by `script`, and metrics with an idle gauge.
    pub fn charging(script: impl Fn() -> Act + Send + Sync + 'static) -> Self {
        Self::start(move |head| {
            if head.starts_with("GET /metrics") {
                Act::Write(fault::gauge("0"))
            } else {
                script()
            }
        })
    }

    /// Books every charge. Its load gauge always shows this text.
    #[must_use]
    pub fn working(gauge: &str) -> Self {
        let page = fault::gauge(gauge);
        Self::start(move |head| {
            Act::Write(if head.starts_with("GET") {
                page.clone()
            } else {
                fault::booked()
            })
        })
    }

    /// Answers every request by `script`, which gets the whole request: head and body.
    pub fn start(script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same on a given listener.
    pub fn on(listener: TcpListener, script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
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

    /// The number of connections that it has closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }

    /// The requests of this method so far, each with head and body.
    #[must_use]
    pub fn requests(&self, method: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let of_method = requests
            .iter()
            .filter(|request| request.starts_with(method));
        of_method.cloned().collect()
    }

    /// The charges so far, each with head and body.
    #[must_use]
    pub fn charges(&self) -> Vec<String> {
        self.requests("POST")
    }
}

fn serve(mut stream: TcpStream, script: &dyn Fn(&str) -> Act, seen: &Mutex<Vec<String>>) {
    // Without it the bytes of a drip would leave together. It fails only on a connection that is gone.
    let _ = stream.set_nodelay(true);
    while let Some(request) = read(&mut stream) {
        seen.lock().unwrap().push(request.clone());
        let act = script(&request);
        if perform(&mut stream, act).is_err() {
            return;
        }
    }
}

/// An error ends the connection. If the act itself ends it, the error is a made-up one.
fn perform(stream: &mut TcpStream, act: Act) -> io::Result<()> {
    let done = || Err(io::ErrorKind::Other.into());
    match act {
        Act::Write(bytes) => stream.write_all(&bytes),
        Act::WriteAndClose(bytes) => {
            stream.write_all(&bytes)?;
            done()
        }
        Act::WriteAndReset(bytes) => {
            stream.write_all(&bytes)?;
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
            done()
        }
        Act::Drip(bytes, pause) => bytes.into_iter().try_for_each(|byte| {
            thread::sleep(pause);
            stream.write_all(&[byte])
        }),
        Act::Hang => {
            let _ = stream.read(&mut [0]);
            done()
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
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// The value of a header in the head of a request.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next()?;
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    lines
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
