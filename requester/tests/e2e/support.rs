//! Targets for runs: servers that answer as a closure says, and count connections and requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use requester::{Arrivals, Curve, Error, Load, Options, Progress, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any test takes, so that a hang becomes a failure.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// What a server has received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: Arc<AtomicU64>,
    pub(crate) requests: Arc<AtomicU64>,
    /// Request line, host, content type and body of each.
    pub(crate) texts: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) fn answer(status: u16, substation: &str, body: &'static str) -> Answer {
    Response::builder()
        .status(status)
        .header("x-substation", substation)
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap()
}

/// Serves until the test ends. `how` gets the number of the request, from 1.
pub(crate) async fn serve<A>(
    how: impl Fn(u64) -> A + Clone + Send + Sync + 'static,
) -> (SocketAddr, Seen)
where
    A: Future<Output = Answer> + Send + 'static,
{
    let seen = Seen::default();
    let counts = seen.clone();
    let server = hyper::server::conn::http1::Builder::new();
    let address = listen(seen.clone(), move |_, stream| {
        let (how, counts) = (how.clone(), counts.clone());
        let service = service_fn(move |request| handle(request, counts.clone(), how.clone()));
        let connection = server.serve_connection(TokioIo::new(stream), service);
        async move { drop(connection.await) }
    })
    .await;
    (address, seen)
}

/// A server below HTTP: hands each connection to `how`, with its number from 1.
pub(crate) async fn accept<A>(
    how: impl Fn(u64, TcpStream) -> A + Send + 'static,
) -> (SocketAddr, Seen)
where
    A: Future<Output = ()> + Send + 'static,
{
    let seen = Seen::default();
    (listen(seen.clone(), how).await, seen)
}

/// Accepts connections on a free port, counts them, and runs `how` for each.
async fn listen<A>(seen: Seen, how: impl Fn(u64, TcpStream) -> A + Send + 'static) -> SocketAddr
where
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::spawn(how(number, stream));
        }
    });
    address
}

async fn handle<A: Future<Output = Answer>>(
    request: Request<Incoming>,
    seen: Seen,
    how: impl Fn(u64) -> A,
) -> Result<Answer, Infallible> {
    let number = seen.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let header = |name| request.headers().get(name).cloned();
    let (host, kind) = (header("host").unwrap(), header("content-type").unwrap());
    let head = format!("{} {} {host:?} {kind:?}", request.method(), request.uri());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = format!("{head} {}", String::from_utf8_lossy(&body));
    seen.texts.lock().unwrap().push(text);
    Ok(how(number).await)
}

/// Reads one request, whose body is a JSON object; `false` means that the connection ended.
pub(crate) async fn read_request(stream: &mut TcpStream) -> bool {
    let mut text = Vec::new();
    while !text.ends_with(b"}") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(length) => text.extend_from_slice(&piece[..length]),
        }
    }
    true
}

/// Answers 200 without a body.
pub(crate) async fn write_ok(stream: &mut TcpStream) {
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(ok).await.unwrap();
}

/// A short run with even gaps.
pub(crate) fn steady(address: SocketAddr, rate: f64, duration: Duration) -> Options {
    let curve = Curve::steady(rate, duration).unwrap();
    let target = format!("http://{address}").parse().unwrap();
    Options {
        arrivals: Arrivals::Even,
        timeout: Duration::from_secs(20),
        ..Options::new(target, Load::Curve(curve))
    }
}

/// Runs to the end, and checks the sums that hold for every report.
pub(crate) async fn run(options: Options) -> Report {
    let report = try_run(options).await.unwrap();
    let answered: u64 = report.answers.values().sum();
    assert_eq!(answered, report.achieved.requests);
    assert_eq!(
        answered + report.unanswered(),
        report.offered.requests,
        "{report:#?}"
    );
    report
}

pub(crate) async fn try_run(options: Options) -> Result<Report, Error> {
    run_with(options, |_| {}, std::future::pending()).await
}

pub(crate) async fn run_with(
    options: Options,
    progress: impl Fn(&Progress) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Report, Error> {
    let run = requester::run(options, progress, shutdown);
    tokio::time::timeout(DEADLINE, run)
        .await
        .expect("the run hangs")
}
