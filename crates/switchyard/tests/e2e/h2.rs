//! HTTP/2: requests are treated as over HTTP/1.1, and clients can't make a connection work for nothing.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{
    Reason,
    client::{ResponseFuture, SendRequest},
};
use http::{HeaderMap, Request};
use nix::sys::signal::Signal;
use rustls::ClientConfig;
use serde_json::Value;
use switchyard_faults::{
    self as client, Act, Connection, PATIENCE, Scripted,
    fault::{answer, booked},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    frames::{self, Raw},
    rig::{Proxy, until},
    secure::{Certificate, name},
    substations::Substations,
};

const CLEARTEXT: &str = "http2: {cleartext: true}";

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// An HTTP/2 connection, and how it ended.
pub(crate) struct Client {
    send: SendRequest<Bytes>,
    end: JoinHandle<Result<(), h2::Error>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Client {
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        Self {
            send,
            end: tokio::spawn(connection),
        }
    }

    pub(crate) async fn cleartext(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub(crate) async fn tls(address: SocketAddr, certificate: &Certificate) -> Self {
        Self::tls_as(address, certificate.client(&["h2", "http/1.1"])).await
    }

    pub(crate) async fn tls_as(address: SocketAddr, client: Arc<ClientConfig>) -> Self {
        let connector = TlsConnector::from(client);
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = connector.connect(name(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        Self::over(stream).await
    }

    /// Sends a whole request.
    async fn begin(&self, method: &str, path: &str, body: &str) -> ResponseFuture {
        self.try_begin(method, path, body).await.unwrap()
    }

    /// The same on a connection that may have ended. After an error nothing was sent.
    pub(crate) async fn try_begin(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<ResponseFuture, h2::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://localhost{path}"))
            .header("x-request-id", "r1")
            .body(())
            .unwrap();
        let mut send = self.send.clone().ready().await?;
        let (answer, mut stream) = send.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            // If it ends meanwhile, waiting for the answer fails.
            let _ = stream.send_data(body.to_owned().into(), true);
        }
        Ok(answer)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        whole(self.begin(method, path, body).await).await.unwrap()
    }

    /// The same with these headers. Without `ends`, the body is announced and does not come.
    pub(crate) async fn ask_with(
        &self,
        (path, headers): (&str, &[(&str, &str)]),
        (body, ends): (&str, bool),
    ) -> Answer {
        let mut request = Request::builder()
            .method("POST")
            .uri(format!("http://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut send = self.send.clone().ready().await.unwrap();
        let request = request.body(()).unwrap();
        let (answer, mut stream) = send.send_request(request, false).unwrap();
        if ends {
            stream.send_data(body.to_owned().into(), true).unwrap();
        }
        whole(answer).await.unwrap()
    }

    pub(crate) async fn charge(&self) -> Answer {
        self.ask("POST", "/request_charge", r#"{"power_kw": 11}"#)
            .await
    }
}

pub(crate) async fn whole(answer: ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut stream) = timeout(PATIENCE, answer).await.unwrap()?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = timeout(PATIENCE, stream.data()).await.unwrap() {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

/// A substation that holds each charge until the test releases it.
fn held() -> (Scripted, mpsc::Sender<()>) {
    held_with(booked())
}

/// The same with an answer of its own.
fn held_with(answer: Vec<u8>) -> (Scripted, mpsc::Sender<()>) {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let held = Scripted::charging(move || {
        // Once the test has dropped its end, it books without waiting.
        let _ = released.lock().unwrap().recv();
        Act::Write(answer.clone())
    });
    (held, release)
}

#[test]
fn charges_and_errors_over_http2_and_tls_are_those_of_http1() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    runtime().block_on(async {
        let client = Client::tls(proxy.charge, &certificate).await;
        for path in ["/request_charge", "/assign_substation"] {
            let answer = client.ask("POST", path, r#"{"power_kw": 11}"#).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers["x-substation"], "s1");
            assert_eq!(answer.headers["x-request-id"], "r1");
            assert_eq!(
                answer.headers["content-length"],
                answer.body.len().to_string()
            );
            for hop in ["connection", "keep-alive", "transfer-encoding"] {
                assert!(!answer.headers.contains_key(hop), "{hop}");
            }
        }
        assert_eq!(client.ask("POST", "/request_charge", "").await.status, 200);
        for (method, path, body, status, code) in [
            ("POST", "/request_charge", "{", 400, "invalid_request"),
            ("GET", "/request_charge", "", 405, "method_not_allowed"),
            ("GET", "/nowhere", "", 404, "not_found"),
        ] {
            let answer = client.ask(method, path, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code));
            assert_eq!(answer.headers["x-request-id"], "r1");
        }
        assert_eq!(
            client.charge().await.status,
            200,
            "it goes on behind errors"
        );
        assert_eq!(proxy.metric("switchyard_connections"), 1.0);
    });
    assert_eq!(substations.started(), [4]);
}

#[test]
fn cleartext_http2_works_beside_http1_where_it_is_allowed() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, CLEARTEXT);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        assert_eq!(client.charge().await.status, 200);
    });
    assert_eq!(proxy.charge("").status, 200);
    // Shorter than the preface of HTTP/2: the proxy must not wait for more bytes.
    let answer = client::raw(proxy.charge, "GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    // Byte by byte: its first byte is also the first byte of the preface.
    let mut slow = Connection::open(proxy.charge);
    for byte in client::request("POST", "/request_charge", "", "").bytes() {
        slow.send([byte]);
    }
    assert_eq!(slow.answer().status, 200);
    // Nearly the preface.
    let answer = client::raw(proxy.charge, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!");
    assert_eq!(answer.status, 400);
}

#[test]
fn cleartext_http2_is_an_error_where_it_is_not_allowed() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut connection = Connection::open(proxy.charge);
    connection.send(frames::PREFACE);
    let answer = connection.answer();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "invalid_request")
    );
    assert!(connection.is_ended());
}

#[test]
fn a_hundred_streams_at_once_are_answered_and_the_limit_is_announced() {
    let (substation, release) = held();
    let proxy = Proxy::start(&[substation.address], CLEARTEXT);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        // The first request also waits for the settings of the proxy.
        release.send(()).unwrap();
        assert_eq!(client.charge().await.status, 200);
        assert_eq!(client.send.current_max_send_streams(), 100);
        let mut answers = Vec::new();
        for _ in 0..100 {
            answers.push(client.begin("POST", "/request_charge", "{}").await);
        }
        let answers: Vec<_> = answers
            .into_iter()
            .map(|a| tokio::spawn(whole(a)))
            .collect();
        until_async("all are in flight", || {
            proxy.metric("switchyard_requests_in_flight") == 100.0
        })
        .await;
        assert_eq!(proxy.metric("switchyard_connections"), 1.0);
        drop(release);
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap().status, 200);
        }
    });
    assert_eq!(proxy.metric("switchyard_requests_in_flight"), 0.0);
}

/// Waits for a condition, and lets the runtime work meanwhile.
async fn until_async(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn streams_count_as_requests_in_flight() {
    let (substation, release) = held();
    let extra = format!("{CLEARTEXT}\nlimits: {{requests: 2, client: {{requests: 3}}}}");
    let proxy = Proxy::start(&[substation.address], &extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        let first = client.begin("POST", "/request_charge", "").await;
        let second = client.begin("POST", "/request_charge", "").await;
        let third = client.charge().await;
        assert_eq!((third.status, third.code().as_str()), (503, "overloaded"));
        assert!(third.headers.contains_key("retry-after"));
        drop(release);
        for answer in [first, second] {
            assert_eq!(whole(answer).await.unwrap().status, 200);
        }
        assert_eq!(client.charge().await.status, 200);
    });
}

#[test]
fn a_body_too_large_or_too_slow_costs_its_stream_only() {
    let substations = Substations::start(&[1e6]);
    let extra = format!("{CLEARTEXT}\ntimeouts: {{client: 300ms}}");
    let proxy = Proxy::start(&substations.addresses, &extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        let request = || {
            let request = Request::post("http://localhost/request_charge");
            request.body(()).unwrap()
        };
        let mut send = client.send.clone().ready().await.unwrap();
        let (slow, mut slow_body) = send.send_request(request(), false).unwrap();
        slow_body.send_data("{".into(), false).unwrap();

        // Too large by its declared length, and too large only when counted.
        let mut declared = request();
        let length = (64 * 1024 + 1).to_string().parse().unwrap();
        declared.headers_mut().insert("content-length", length);
        let (large, _unsent) = send.send_request(declared, false).unwrap();
        let (endless, mut endless_body) = send.send_request(request(), false).unwrap();
        let pouring = tokio::spawn(async move {
            // Until the proxy refuses more.
            while endless_body
                .send_data(vec![b' '; 16 << 10].into(), false)
                .is_ok()
            {
                endless_body.reserve_capacity(16 << 10);
                if std::future::poll_fn(|cx| endless_body.poll_capacity(cx))
                    .await
                    .is_none_or(|capacity| capacity.is_err())
                {
                    return;
                }
            }
        });
        for answer in [large, endless] {
            let answer = whole(answer).await.unwrap();
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (413, "body_too_large")
            );
        }
        timeout(PATIENCE, pouring).await.unwrap().unwrap();
        let answer = whole(slow).await.unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "request_timeout")
        );
        assert_eq!(client.charge().await.status, 200, "the connection goes on");
    });
    assert_eq!(substations.started(), [1]);
}

#[test]
fn a_substation_that_hangs_is_504_in_time() {
    let hangs = Scripted::charging(|| Act::Hang);
    let extra = format!("{CLEARTEXT}\ntimeouts: {{request: 300ms}}");
    let proxy = Proxy::start(&[hangs.address], &extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        let answer = client.charge().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (504, "deadline_exceeded")
        );
    });
}

#[test]
fn work_for_streams_that_were_reset_still_counts_and_more_is_refused_unread() {
    let (substation, release) = held();
    let extra = "http2: {cleartext: true, streams: 3}\ntimeouts: {request: 20s}";
    let proxy = Proxy::start(&[substation.address], extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(client.begin("POST", "/request_charge", "").await);
        }
        until_async("they are at work", || {
            proxy.metric("switchyard_requests_in_flight") == 3.0
        })
        .await;
        // Dropping an answer resets its stream.
        drop(answers);
        let refused = whole(client.begin("POST", "/request_charge", "").await).await;
        let refused = refused.err().expect("no answer");
        assert_eq!(refused.reason(), Some(Reason::REFUSED_STREAM));
        assert!(refused.is_remote());
        let counted = "switchyard_requests_rejected_total{reason=\"overloaded\"}";
        assert_eq!(proxy.metric(counted), 1.0);
        drop(release);
        until_async("the work is done", || {
            proxy.metric("switchyard_requests_in_flight") == 0.0
        })
        .await;
        assert_eq!(client.charge().await.status, 200);
    });
    assert_eq!(substation.charges().len(), 4, "the refused one never came");
}

#[test]
fn answers_are_sent_before_the_process_ends() {
    let (substation, release) = held();
    let certificate = Certificate::new();
    let mut proxy = Proxy::start(&[substation.address], &certificate.yaml());
    runtime().block_on(async {
        let idle = Client::tls(proxy.charge, &certificate).await;
        let busy = Client::tls(proxy.charge, &certificate).await;
        let mut answers = Vec::new();
        for _ in 0..20 {
            let answer = busy.begin("POST", "/request_charge", "").await;
            answers.push(tokio::spawn(whole(answer)));
        }
        until_async("they are at work", || {
            proxy.metric("switchyard_requests_in_flight") == 20.0
        })
        .await;
        proxy.signal(Signal::SIGTERM);
        proxy.logged("finishes the requests in flight");
        // An idle client gets a GOAWAY, and so does not delay the end.
        timeout(PATIENCE, idle.end).await.unwrap().unwrap().unwrap();
        assert!(proxy.is_running());
        let released = Instant::now();
        drop(release);
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap().status, 200);
        }
        timeout(PATIENCE, busy.end).await.unwrap().unwrap().unwrap();
        assert!(proxy.wait().success());
        assert!(released.elapsed() < Duration::from_secs(1), "promptly");
    });
}

#[test]
fn answers_that_a_client_has_not_read_yet_are_not_lost_at_the_end() {
    // More than the sockets buffer, so that the proxy still holds much of it when the last request is done.
    const LENGTH: usize = 300_000;
    let body = "x".repeat(LENGTH);
    let (substation, release) = held_with(answer("200 OK", &body));
    let mut proxy = Proxy::start(&[substation.address], CLEARTEXT);
    runtime().block_on(async {
        let stream = TcpStream::connect(proxy.charge).await.unwrap();
        let mut wide = h2::client::Builder::new();
        wide.initial_window_size(1 << 30);
        wide.initial_connection_window_size(1 << 30);
        let (send, connection) = wide.handshake(stream).await.unwrap();
        let client = Client {
            send,
            end: tokio::spawn(connection),
        };
        let mut answers = Vec::new();
        for _ in 0..60 {
            answers.push(client.begin("POST", "/request_charge", "").await);
        }
        until_async("they are at work", || {
            proxy.metric("switchyard_requests_in_flight") == 60.0
        })
        .await;
        drop(release);
        // The client reads nothing while its only thread waits here.
        until("they are done", || {
            (proxy.metric("switchyard_requests_in_flight") == 0.0).then_some(())
        });
        proxy.signal(Signal::SIGTERM);
        proxy.logged("finishes the requests in flight");
        for answer in answers {
            let answer = whole(answer).await.unwrap();
            assert_eq!((answer.status, answer.body.len()), (200, LENGTH));
        }
        timeout(PATIENCE, client.end)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    });
    assert!(proxy.wait().success());
}

#[test]
fn a_client_that_ignores_goaway_delays_the_end_by_a_second_at_most() {
    let substations = Substations::start(&[1e6]);
    let mut proxy = Proxy::start(&substations.addresses, CLEARTEXT);
    let mut deaf = Raw::open(proxy.charge);
    deaf.charge(1);
    deaf.until(|frame| frame.is_end_of(1));
    proxy.signal(Signal::SIGTERM);
    let signalled = Instant::now();
    assert!(proxy.wait().success());
    assert!(
        signalled.elapsed() < Duration::from_secs(3),
        "{:?}",
        signalled.elapsed()
    );
}

#[test]
fn an_idle_connection_ends_with_goaway() {
    let substations = Substations::start(&[1e6]);
    let extra = format!("{CLEARTEXT}\ntimeouts: {{idle: 200ms, client: 400ms}}");
    let proxy = Proxy::start(&substations.addresses, &extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        assert_eq!(client.charge().await.status, 200);
        timeout(PATIENCE, client.end)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    });
    // Pings are no requests, and neither is half a preface.
    let mut pinging = Raw::open(proxy.charge);
    let begun = Instant::now();
    while pinging.ping().is_some() {
        assert!(begun.elapsed() < PATIENCE, "it goes on for pings alone");
    }
    let mut half = Connection::open(proxy.charge);
    half.send(&frames::PREFACE[..10]);
    half.any_answer();
    assert!(half.is_ended());
    until("all are gone", || {
        (proxy.metric("switchyard_connections") == 0.0).then_some(())
    });
}

#[test]
fn a_client_that_resets_ten_thousand_streams_grows_nothing_and_stops_no_other_client() {
    let substations = Substations::start(&[1e9]);
    let proxy = Proxy::start(&substations.addresses, CLEARTEXT);
    let memory = || proxy.metric("process_resident_memory_bytes");
    let served = |what: &str| {
        let answer = proxy.charge("");
        assert_eq!(answer.status, 200, "{what}");
    };
    served("before");
    let before = memory();

    // All at once: the proxy ends the connection.
    let mut flood = Raw::open(proxy.charge);
    let pairs: Vec<u8> = (0..10_000)
        .map(|at| 2 * at + 1)
        .flat_map(|stream| [frames::charge(stream, true), frames::reset(stream)].concat())
        .collect();
    let _ = flood.write(&pairs);
    served("while it is flooded");
    let end = flood.until_end();
    assert!(
        end.is_some_and(|reason| reason == Reason::ENHANCE_YOUR_CALM),
        "{end:?}"
    );

    // One by one, each read before it is reset: this may go on, and each stream's cost ends with it.
    let mut patient = Raw::open(proxy.charge);
    let mut stream = 1;
    for _ in 0..200 {
        let begun: Vec<u8> = (0..50)
            .map(|at| stream + 2 * at)
            .collect::<Vec<_>>()
            .iter()
            .flat_map(|stream| frames::charge(*stream, false))
            .collect();
        patient.write(&begun).unwrap();
        patient.ping().expect("it goes on");
        let ended: Vec<u8> = (0..50)
            .flat_map(|at| frames::reset(stream + 2 * at))
            .collect();
        patient.write(&ended).unwrap();
        stream += 100;
    }
    patient.ping().expect("it goes on");
    served("after");
    until("nothing is left of them", || {
        (proxy.metric("switchyard_requests_in_flight") == 0.0).then_some(())
    });
    let grown = memory() - before;
    assert!(grown < 16e6, "grown by {grown} bytes");
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn a_client_that_sends_only_malformed_requests_is_disconnected() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, CLEARTEXT);
    let mut wrong = Raw::open(proxy.charge);
    let nameless: Vec<u8> = (0..40)
        .flat_map(|at| frames::nameless(2 * at + 1))
        .collect();
    let _ = wrong.write(&nameless);
    assert_eq!(wrong.until_end(), Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(proxy.charge("").status, 200);
}
