//! The API over a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{Engine, Settings, run};

struct Mock {
    engine: Arc<Engine>,
    address: SocketAddr,
    served: JoinHandle<()>,
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Mock {
    async fn start(settings: Settings) -> Self {
        let engine = Engine::new(settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(run(Arc::clone(&engine), listener));
        Self {
            engine,
            address,
            served,
        }
    }

    async fn fast() -> Self {
        Self::start(Settings {
            token_time: Duration::ZERO,
            prefill: Duration::ZERO,
            ..Settings::default()
        })
        .await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> http::Response<hyper::body::Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "mock");
        let request = request.header("authorization", "Bearer right");
        sender
            .send_request(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
            .unwrap()
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> (StatusCode, String) {
        let (head, body) = self.send(method, path, body.to_string()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(method, path, body).await;
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }

    fn running(&self) -> u64 {
        self.engine.counts().running.load(Ordering::Relaxed)
    }
}

/// The events of a stream without the last, which must be `[DONE]`.
fn events(body: &str) -> Vec<Value> {
    let mut events: Vec<_> = body
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .collect();
    assert_eq!(events.pop(), Some("[DONE]"), "{body}");
    events
        .into_iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

fn chat(tokens: u64) -> Value {
    json!({"model": "mock-8b", "messages": [{"role": "user", "content": "Where is room?"}], "max_tokens": tokens, "ignore_eos": true})
}

#[tokio::test]
async fn a_chat_is_answered_as_one_document() {
    let mock = Mock::fast().await;
    let (status, answer) = mock.json("POST", "/v1/chat/completions", &chat(5)).await;
    assert_eq!(status, 200);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(
        answer["choices"][0]["message"],
        json!({"role": "assistant", "content": " the load goes where there"})
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9})
    );
}

#[tokio::test]
async fn a_chat_streams_its_tokens() {
    let mock = Mock::fast().await;
    let mut ask = chat(3);
    ask["stream"] = json!(true);
    ask["stream_options"] = json!({"include_usage": true});
    let (_, body) = mock.ask("POST", "/v1/chat/completions", &ask).await;
    let events = events(&body);
    let deltas: Vec<_> = events
        .iter()
        .map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(
        deltas,
        [Some(""), Some(" the"), Some(" load"), Some(" goes"), None]
    );
    assert_eq!(events[0]["object"], "chat.completion.chunk");
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[2]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(events[3]["choices"][0]["finish_reason"], "length");
    assert_eq!(events[4]["usage"]["completion_tokens"], 3);
    assert!(events.iter().all(|event| event["id"] == events[0]["id"]));
}

#[tokio::test]
async fn a_completion_is_answered_whole_and_as_a_stream() {
    let mock = Mock::fast().await;
    let ask = |stream: bool| json!({"prompt": ["a", "b"], "max_tokens": 2, "ignore_eos": true, "stream": stream});
    let (status, answer) = mock.json("POST", "/v1/completions", &ask(false)).await;
    assert_eq!(
        (status, &answer["choices"][0]["text"]),
        (200, &json!(" the load"))
    );
    assert_eq!(answer["object"], "text_completion");
    let (_, body) = mock.ask("POST", "/v1/completions", &ask(true)).await;
    let texts: Vec<_> = events(&body)
        .iter()
        .map(|event| event["choices"][0]["text"].clone())
        .collect();
    assert_eq!(texts, [" the", " load"]);
}

#[tokio::test]
async fn models_are_listed_and_found_by_name() {
    let mock = Mock::fast().await;
    let (_, list) = mock.json("GET", "/v1/models", &Value::Null).await;
    assert_eq!(list["data"][0]["id"], "mock-8b");
    assert_eq!(
        mock.json("GET", "/v1/models/mock-8b", &Value::Null).await.1["object"],
        "model"
    );
    assert_eq!(
        mock.json("GET", "/v1/models/other", &Value::Null).await.0,
        404
    );
    assert_eq!(mock.ask("GET", "/health", &Value::Null).await.0, 200);
}

#[tokio::test]
async fn what_can_t_be_answered_is_refused_as_vllm_does_it() {
    let mock = Mock::fast().await;
    let (no_model, mut none) = (json!({"model": "other", "messages": []}), chat(1));
    none["max_tokens"] = json!(0);
    for (method, path, body, status, kind) in [
        (
            "POST",
            "/v1/chat/completions",
            &no_model,
            404,
            "NotFoundError",
        ),
        (
            "POST",
            "/v1/chat/completions",
            &none,
            400,
            "BadRequestError",
        ),
        (
            "POST",
            "/v1/chat/completions",
            &json!({}),
            400,
            "BadRequestError",
        ),
        ("POST", "/v1/completions", &chat(1), 400, "BadRequestError"),
        (
            "POST",
            "/v1/completions",
            &json!([]),
            400,
            "BadRequestError",
        ),
        (
            "GET",
            "/v1/completions",
            &Value::Null,
            405,
            "MethodNotAllowedError",
        ),
        (
            "POST",
            "/v1/models",
            &Value::Null,
            405,
            "MethodNotAllowedError",
        ),
        ("GET", "/v1/realtime", &Value::Null, 400, "BadRequestError"),
        ("GET", "/nowhere", &Value::Null, 404, "NotFoundError"),
    ] {
        let (found, answer) = mock.json(method, path, body).await;
        assert_eq!(
            (found, &answer["error"]["type"]),
            (status, &json!(kind)),
            "{method} {path}: {answer}"
        );
        assert_eq!(answer["error"]["code"], status);
    }
    assert_eq!(mock.running(), 0);
}

#[tokio::test]
async fn a_key_is_asked_for_where_there_is_one() {
    for (key, status) in [("right", 200), ("wrong", 401)] {
        let mock = Mock::start(Settings {
            api_key: Some(key.to_owned()),
            ..Settings::default()
        })
        .await;
        assert_eq!(mock.ask("GET", "/v1/models", &Value::Null).await.0, status);
        assert_eq!(mock.ask("GET", "/metrics", &Value::Null).await.0, 200);
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request() {
    let mock = Mock::start(Settings {
        token_time: Duration::from_millis(1),
        ..Settings::default()
    })
    .await;
    for stream in [true, false] {
        let mut ask = chat(100_000);
        ask["stream"] = json!(stream);
        if stream {
            let mut answer = mock
                .send("POST", "/v1/chat/completions", ask.to_string())
                .await;
            assert!(answer.body_mut().frame().await.is_some());
            assert_eq!(mock.running(), 1);
            drop(answer);
        } else {
            let sent = mock.send("POST", "/v1/chat/completions", ask.to_string());
            let left = tokio::time::timeout(Duration::from_millis(50), sent).await;
            assert!(left.is_err(), "it takes longer");
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while mock.running() > 0 {
            assert!(Instant::now() < deadline, "stream: {stream}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(mock.engine.counts().aborted.load(Ordering::Relaxed), 2);
}
