use std::{future::poll_fn, sync::Arc, time::Duration};

use h2::{
    Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use pingora_core::ErrorType;
use tokio::{io::duplex, task::JoinHandle, time::timeout};

use super::{super::Http2Client, *};
use crate::{buffered::Buffered, ingress::http2::credit::Credit, stream_client::StreamClient};

/// What flow control lets through before anything is taken.
const WINDOW: usize = 65_535;
/// Longer than anything takes, in a time that moves on only if nothing else can.
const LONG: Duration = Duration::from_mins(1);
/// The most that is kept of a body.
const MOST: usize = 100_000;

/// A client, and the session of its only request.
struct Rig {
    answer: ResponseFuture,
    body: SendStream<Bytes>,
    client: Http2Client,
    session: StreamSession,
    credit: Credit,
    /// Keeps the connection of the client.
    _send: SendRequest<Bytes>,
    connection: JoinHandle<()>,
}

impl Rig {
    async fn get() -> Self {
        Self::new(Method::GET, true, 0, usize::MAX).await
    }

    async fn post() -> Self {
        Self::new(Method::POST, false, 0, usize::MAX).await
    }

    /// A session of whose body so much is sent and read before, with `most` bytes of memory for what is kept.
    async fn new(method: Method, ends: bool, ahead: usize, most: usize) -> Self {
        let (client, server) = duplex(1 << 20);
        let serving = tokio::spawn(async move {
            let mut server = h2::server::handshake(server).await.unwrap();
            let accepted = server.accept().await.unwrap().unwrap();
            tokio::spawn(async move { while server.accept().await.is_some() {} });
            accepted
        });
        let (mut send, connection) = h2::client::handshake(client).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let request = Request::builder().method(method).uri("http://a/v1/x?y=1");
        let request = request.body(()).unwrap();
        let (answer, mut body) = send.send_request(request, ends).unwrap();
        let (request, respond) = serving.await.unwrap();
        let (head, stream) = request.into_parts();
        let credit = Credit::default();
        let share = Arc::new(Buffered::default()).share(most);
        let mut body_in = RequestBody::new((stream, None), (MOST, share), credit.clone());
        if ahead > 0 {
            body.send_data(piece(ahead), false).unwrap();
            let read = poll_fn(|context| body_in.poll_ahead(context));
            // It waits for more, unless it has enough.
            let enough = timeout(LONG, read).await.map(Result::unwrap);
            assert_eq!(enough.is_ok(), ahead > MOST);
        }
        let client = Http2Client::new(body_in, Answer::new(respond, credit.clone()));
        let request = Box::new(RequestHeader::from(head));
        let session = client.session(request, &Arc::default());
        Self {
            answer,
            body,
            client,
            session,
            credit,
            _send: send,
            connection,
        }
    }

    /// Another attempt.
    fn again(&mut self) {
        let request = self.session.head.clone();
        self.session = self.client.session(request, &Arc::default());
    }

    /// Completes once the client has left.
    async fn left(&mut self) {
        poll_fn(|context| self.client.poll_left(context)).await;
    }

    async fn head(&mut self) -> (http::response::Parts, RecvStream) {
        let answer = (&mut self.answer).await;
        answer.unwrap().into_parts()
    }
}

fn head(status: u16, headers: &[(&'static str, &'static str)]) -> Box<ResponseHeader> {
    let mut head = ResponseHeader::build(status, None).unwrap();
    for (name, value) in headers {
        head.append_header(*name, *value).unwrap();
    }
    Box::new(head)
}

fn piece(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorType {
    result.unwrap_err().etype().clone()
}

#[tokio::test(start_paused = true)]
async fn request_and_answer_pass_with_trailers_and_without_what_belongs_to_a_connection() {
    let mut rig = Rig::post().await;
    rig.body.send_data("ask".into(), true).unwrap();
    let session = &mut rig.session;
    assert_eq!(session.req_header().uri.path(), "/v1/x");
    assert!(!session.is_body_empty());
    assert_eq!(session.read_body_bytes().await.unwrap().unwrap(), "ask");
    assert!(session.is_body_done());
    assert_eq!(session.read_body_bytes().await.unwrap(), None);
    let answer = head(
        200,
        &[
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "r1"),
            ("x-end", "2"),
        ],
    );
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("7"));
    let tasks = vec![
        HttpTask::Header(answer, false),
        HttpTask::Body(Some("one".into()), false),
        HttpTask::Body(Some("two".into()), false),
        HttpTask::Trailer(Some(Box::new(trailers))),
    ];
    assert!(session.response_duplex_vec(tasks).await.unwrap());
    assert_eq!(session.body_bytes_sent(), 6);
    assert_eq!(session.response_written().unwrap().status, 200);
    let (parts, mut body) = rig.head().await;
    assert_eq!(
        (parts.status, &parts.headers["x-end"]),
        (StatusCode::OK, &HeaderValue::from_static("2"))
    );
    assert!(parts.headers.contains_key("date"));
    for gone in ["connection", "x-hop", "keep-alive", "transfer-encoding"] {
        assert!(!parts.headers.contains_key(gone), "{gone}");
    }
    let mut whole = Vec::new();
    while let Some(piece) = body.data().await {
        whole.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(whole, b"onetwo");
    assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "7");
    assert_eq!(rig.credit.take(), 1 + 2 * 3, "a piece in, two pieces out");
}

/// Sends as much as the other side makes room for, and returns how much that was.
async fn pour(body: &mut SendStream<Bytes>) -> usize {
    let mut sent = 0;
    loop {
        let room = poll_fn(|context| body.poll_capacity(context));
        // The time is paused, so the wait ends once nothing else moves.
        let Ok(Some(Ok(room))) = timeout(LONG, room).await else {
            return sent;
        };
        sent += room;
        body.send_data(piece(room), false).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_sends_no_more_than_was_taken_and_a_window() {
    let mut rig = Rig::post().await;
    rig.body.reserve_capacity(4 * WINDOW);
    assert_eq!(pour(&mut rig.body).await, WINDOW, "nothing was taken");
    let mut taken = 0;
    while taken < WINDOW {
        taken += rig.session.read_body_bytes().await.unwrap().unwrap().len();
    }
    assert_eq!(pour(&mut rig.body).await, WINDOW);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_room() {
    let mut rig = Rig::get().await;
    rig.session.write_head(head(200, &[]), false).unwrap();
    let (_, mut body) = rig.head().await;
    let write = rig.session.write_body(piece(3 * WINDOW), true);
    let mut write = Box::pin(write);
    assert!(
        timeout(LONG, &mut write).await.is_err(),
        "the client reads nothing"
    );
    let read = async {
        let mut taken = 0;
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            taken += piece.len();
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        taken
    };
    let (written, taken) = tokio::join!(write, read);
    written.unwrap();
    assert_eq!(taken, 3 * WINDOW);
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_every_wait_at_once() {
    // Behind the request, while its answer is awaited.
    let mut rig = Rig::get().await;
    drop((rig.answer, rig.body));
    let idle = timeout(LONG, rig.session.read_body_or_idle(false)).await;
    assert_eq!(kind(idle.unwrap()), ErrorType::ConnectionClosed);
    assert!(rig.session.moved.has_client_left());

    // In the request.
    let mut rig = Rig::post().await;
    rig.body.send_reset(Reason::CANCEL);
    let read = timeout(LONG, rig.session.read_body_or_idle(false)).await;
    assert_eq!(kind(read.unwrap()), ErrorType::ReadError);
    assert!(rig.session.moved.has_client_left());

    // In an answer that the client has no room for.
    let mut rig = Rig::get().await;
    rig.session.write_head(head(200, &[]), false).unwrap();
    let (_, body) = rig.head().await;
    let mut write = Box::pin(rig.session.write_body(piece(2 * WINDOW), true));
    assert!(timeout(LONG, &mut write).await.is_err());
    drop((body, rig.body, rig.answer));
    let written = timeout(LONG, write).await.unwrap();
    assert_eq!(kind(written), ErrorType::WriteError);

    // While nothing looks at the session, before and after the head.
    for has_head in [false, true] {
        let mut rig = Rig::post().await;
        if has_head {
            rig.session.write_head(head(200, &[]), false).unwrap();
        }
        rig.body.send_data("x".into(), false).unwrap();
        assert!(timeout(LONG, rig.left()).await.is_err());
        rig.body.send_reset(Reason::CANCEL);
        timeout(LONG, rig.left()).await.unwrap();
    }

    // The end of the connection is a reset too.
    let mut rig = Rig::get().await;
    rig.connection.abort();
    timeout(LONG, rig.left()).await.unwrap();
}

/// The end of an answer whose body may be cut.
async fn end_of(body: &mut RecvStream) -> Option<h2::Error> {
    while let Some(piece) = body.data().await {
        if let Err(error) = piece {
            return Some(error);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_complete_answer_is_no_reset_and_one_that_is_cut_is() {
    let mut rig = Rig::get().await;
    assert!(!rig.client.has_begun());
    rig.session.write_head(head(200, &[]), false).unwrap();
    assert!(rig.client.has_begun());
    rig.session.write_body("x".into(), false).await.unwrap();
    let end = vec![HttpTask::Body(None, true)];
    assert!(rig.session.response_duplex_vec(end).await.unwrap());
    rig.session.finish().await.unwrap();
    rig.session.abandon("too late").await;
    assert!(timeout(LONG, rig.left()).await.is_err());
    let (_, mut body) = rig.head().await;
    assert!(end_of(&mut body).await.is_none());

    let mut rig = Rig::get().await;
    rig.session.write_head(head(204, &[]), true).unwrap();
    rig.session.finish().await.unwrap();
    assert!(rig.head().await.1.is_end_stream());

    for is_dropped in [false, true] {
        let mut rig = Rig::get().await;
        rig.session.write_head(head(200, &[]), false).unwrap();
        rig.session.write_body("x".into(), false).await.unwrap();
        assert!(rig.session.finish().await.is_err(), "there is no end");
        let (_, mut body) = rig.head().await;
        if is_dropped {
            rig.again();
        } else {
            rig.session.abandon("cut").await;
        }
        let end = end_of(&mut body).await.expect("no whole answer");
        assert_eq!(end.reason(), Some(Reason::INTERNAL_ERROR));
    }

    // Before the head another attempt may answer.
    let mut rig = Rig::get().await;
    rig.session.abandon("the substation has closed").await;
    rig.again();
    rig.session.write_head(head(200, &[]), true).unwrap();
    assert_eq!(rig.head().await.0.status, 200);
}

#[tokio::test(start_paused = true)]
async fn interim_answers_reach_the_client_up_to_a_bound_and_101_does_not() {
    let mut rig = Rig::get().await;
    for _ in 0..100 {
        let hint = head(103, &[("link", "</a>"), ("connection", "link")]);
        rig.session.write_head(hint, false).unwrap();
    }
    assert_eq!(
        kind(rig.session.write_head(head(101, &[]), false)),
        ErrorType::InvalidHTTPHeader
    );
    assert!(rig.session.response_written().is_none());
    rig.session.write_head(head(200, &[]), true).unwrap();
    assert!(
        rig.session.write_head(head(200, &[]), true).is_err(),
        "one head"
    );
    let mut interim = 0;
    while let Some(head) = poll_fn(|context| rig.answer.poll_informational(context)).await {
        let head = head.unwrap();
        assert_eq!(head.status(), 103);
        assert!(!head.headers().contains_key("link"));
        interim += 1;
    }
    assert_eq!(interim, 16);
    assert_eq!(rig.head().await.0.status, 200);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_gets_what_was_read_and_then_the_rest() {
    let mut rig = Rig::new(Method::PUT, false, 3, usize::MAX).await;
    assert_eq!(rig.client.body_length(), None);
    assert_eq!(rig.session.get_retry_buffer().unwrap(), "xxx");
    assert!(!rig.session.is_body_done() && !rig.session.is_body_empty());
    for piece in ["", " comes"] {
        rig.body.send_data(piece.into(), false).unwrap();
    }
    assert_eq!(
        rig.session.read_body_bytes().await.unwrap().unwrap(),
        " comes"
    );
    rig.again();
    assert_eq!(rig.session.get_retry_buffer().unwrap(), "xxx comes");
    rig.body.send_data(" late".into(), true).unwrap();
    assert_eq!(
        rig.session.read_body_bytes().await.unwrap().unwrap(),
        " late"
    );
    assert_eq!(rig.session.read_body_bytes().await.unwrap(), None);
    assert!(rig.session.is_body_done() && !rig.session.is_body_empty());
    rig.again();
    assert_eq!(rig.session.get_retry_buffer().unwrap(), "xxx comes late");
    assert!(rig.client.can_replay() && !rig.session.retry_buffer_truncated());
    assert_eq!(rig.client.body_length(), Some(14));
    assert_eq!(rig.session.body_bytes_read(), 14);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_kept_than_the_bound_and_what_others_leave() {
    for (ahead, most) in [
        (MOST + 5_000, usize::MAX),
        (MOST, usize::MAX),
        (9_000, 9_000 - 1_024),
    ] {
        let mut rig = Rig::new(Method::PUT, false, ahead, most).await;
        let kept = rig.session.get_retry_buffer().unwrap().len();
        assert!(
            kept == ahead || kept > MOST,
            "{kept}: an attempt gets all that was read"
        );
        rig.body.send_data(piece(20_000), true).unwrap();
        while rig.session.read_body_bytes().await.unwrap().is_some() {}
        assert!(rig.session.retry_buffer_truncated() && !rig.client.can_replay());
        assert_eq!(rig.session.get_retry_buffer(), None);
        assert_eq!(rig.client.body_length(), Some(ahead as u64 + 20_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_the_word_gets_it_once_its_body_is_wanted() {
    let mut rig = Rig::post().await;
    rig.client.body.lock().waits_for_word(true);
    let told = poll_fn(|context| rig.answer.poll_informational(context));
    assert!(timeout(LONG, told).await.is_err(), "nothing wants its body");
    assert!(timeout(LONG, rig.session.read_body_bytes()).await.is_err());
    let told = poll_fn(|context| rig.answer.poll_informational(context)).await;
    assert_eq!(told.unwrap().unwrap().status(), StatusCode::CONTINUE);
    rig.body.send_data("x".into(), true).unwrap();
    assert_eq!(rig.session.read_body_bytes().await.unwrap().unwrap(), "x");
    // The substation's word comes too late.
    rig.session.write_head(head(100, &[]), false).unwrap();
    rig.session.write_head(head(200, &[]), true).unwrap();
    assert!(
        poll_fn(|context| rig.answer.poll_informational(context))
            .await
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_body_the_request_is_empty_and_done() {
    let mut rig = Rig::get().await;
    assert!(rig.session.is_body_empty() && rig.session.is_body_done());
    assert_eq!(rig.session.get_retry_buffer(), None);
    assert_eq!(rig.client.body_length(), Some(0));
    assert!(!rig.session.is_upgrade_req() && rig.client.can_replay());
}
