//! A complete proxy, three backends of unequal capacity and ninety sessions, in one process.
//!
//! ```sh
//! cargo run -p switchyard-pingora --example sessions
//! ```
//!
//! Each backend publishes its sessions as a gauge, and books one for each `POST`. The gauge is read twice a second, and
//! all sessions come within that time: what the proxy has sent since, only its ledgers know.
#![allow(
    clippy::print_stdout,
    reason = "an example, whose result is what it prints"
)]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_trait::async_trait;
use pingora_core::{
    Error, ErrorType, Result, server::Server, services::background::background_service,
    upstreams::peer::HttpPeer,
};
use pingora_http::ResponseHeader;
use pingora_load_balancing::{Backends, LoadBalancer};
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};
use switchyard_pingora::{
    Gauges, LeastLoad, Load, Reservation, Rule, Scrape, Upstream, Upstreams, select_and_reserve,
};

const CAPACITIES: [(&str, u32); 3] = [("small", 30), ("medium", 60), ("large", 90)];
/// Half of what the three can bear.
const SESSIONS: u32 = 90;

// ---- the proxy: what a program of your own would have

struct Proxy(Arc<LoadBalancer<LeastLoad>>);

#[async_trait]
impl ProxyHttp for Proxy {
    /// The reservation of the request, until its result is known.
    type CTX = Option<Reservation<Upstream>>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        let one = Load::new(1.0).unwrap_or_default();
        let Some((_, reservation)) = select_and_reserve(&self.0, one, |_| true) else {
            return Error::e_explain(ErrorType::HTTPStatus(503), "no backend has room");
        };
        let address = reservation.upstream().address();
        *ctx = Some(reservation);
        Ok(Box::new(HttpPeer::new(address, false, String::new())))
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut Self::CTX,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Nothing was sent, so nothing is booked, and another backend may be tried.
        if let Some(reservation) = ctx.take() {
            reservation.cancel();
            error.set_retry(true);
        }
        error
    }

    async fn response_filter(
        &self,
        _: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        // Without an answer the reservation is dropped with the context: then it counts as possibly booked.
        if let Some(reservation) = ctx.take() {
            match answer.status.as_u16() {
                200..300 => reservation.booked(),
                400..500 | 503 => reservation.cancel(),
                _ => reservation.unknown(),
            }
        }
        Ok(())
    }
}

/// Runs the proxy on a thread of its own.
fn start_proxy(listen: SocketAddr, backends: Vec<Upstream>) -> anyhow::Result<()> {
    let backends = Backends::new(Box::new(Upstreams::new(backends)));
    let rule = Rule::default();
    let mut balancer = LoadBalancer::<LeastLoad>::from_backends_with_config(backends, Some(rule));
    let gauges = Gauges::new("sessions").with_capacity("sessions_max");
    balancer.set_health_check(Box::new(Scrape::new(gauges)));
    balancer.health_check_frequency = Some(Duration::from_millis(500));
    balancer.parallel_health_check = true;

    let mut server = Server::new(None)?;
    server.bootstrap();
    let scraping = background_service("scraping", balancer);
    let mut service = http_proxy_service(&server.configuration, Proxy(scraping.task()));
    service.add_tcp(&listen.to_string());
    server.add_service(scraping);
    server.add_service(service);
    thread::spawn(|| server.run_forever());
    Ok(())
}

// ---- the backends: small servers that stand in for yours

/// Starts a backend, and returns its address and the sessions that it has.
fn start_backend(most: u32) -> io::Result<(SocketAddr, Arc<AtomicU32>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sessions = Arc::<AtomicU32>::default();
    let shared = Arc::clone(&sessions);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sessions = Arc::clone(&shared);
            thread::spawn(move || serve(&stream, &sessions, most));
        }
    });
    Ok((address, sessions))
}

/// Answers requests without a body until the connection ends.
fn serve(mut stream: &TcpStream, sessions: &AtomicU32, most: u32) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    loop {
        let Some(first) = lines.next().transpose()? else {
            return Ok(());
        };
        while lines.next().transpose()?.is_some_and(|it| !it.is_empty()) {}
        let body = if first.starts_with("POST ") {
            sessions.fetch_add(1, Relaxed);
            String::new()
        } else {
            let now = sessions.load(Relaxed);
            format!("sessions {now}\nsessions_max {most}\n")
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes())?;
    }
}

// ---- the client

/// Asks for one session, and returns whether it got one.
fn ask(proxy: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.write_all(
        b"POST / HTTP/1.1\r\nhost: example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn main() -> anyhow::Result<ExitCode> {
    let mut upstreams = Vec::new();
    let mut booked = Vec::new();
    for (name, most) in CAPACITIES {
        let (address, sessions) = start_backend(most)?;
        upstreams.push(Upstream::new(name, address, None));
        booked.push((name, most, sessions));
    }
    // Free a moment ago, and nothing else here takes ports.
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    start_proxy(listen, upstreams)?;

    let deadline = Instant::now() + Duration::from_secs(20);
    let mut asked = 0;
    while asked < SESSIONS {
        // It listens before its first samples have come; until then it refuses, and books nothing.
        if ask(listen).unwrap_or(false) {
            asked += 1;
        } else if Instant::now() > deadline {
            return Err(anyhow::anyhow!("the proxy still refuses")).context("after 20 s");
        } else {
            thread::sleep(Duration::from_millis(10));
        }
    }
    let mut is_even = true;
    for (name, most, sessions) in booked {
        let sessions = sessions.load(Relaxed);
        println!("{name:<6} {sessions:>2} of {most} sessions");
        is_even &= (2 * sessions).abs_diff(most) <= 2;
    }
    println!("{}", if is_even { "each half full" } else { "uneven" });
    // The proxy would run for ever.
    process::exit(i32::from(!is_even))
}
