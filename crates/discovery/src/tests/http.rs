use super::*;
use ::http::{Request, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpListener;

const ONE: &str = r#"[{"targets": ["10.0.0.1:1"], "labels": {"name": "one"}}]"#;

/// What the server does with the next request.
#[derive(Clone)]
enum Behaviour {
    Answer(u16, &'static str, &'static str),
    CutOff,
    Hang,
}

type Body = BoxBody<Bytes, io::Error>;

async fn answer(way: Behaviour, question: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let asked = question.headers();
    assert_eq!(asked["accept"], "application/json");
    assert_eq!(asked["x-prometheus-refresh-interval-seconds"], "0.1");
    assert!(asked["host"].to_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(question.uri(), "/targets?of=here");
    let piece = |text: &'static str| Ok(Frame::data(Bytes::from(text)));
    let (status, kind, pieces) = match way {
        Behaviour::Answer(status, kind, text) => (status, kind, vec![piece(text)]),
        Behaviour::CutOff => {
            let cut = Err(io::Error::other("cut"));
            (200, "application/json", vec![piece("["), cut])
        }
        Behaviour::Hang => std::future::pending().await,
    };
    let body = StreamBody::new(stream::iter(pieces)).boxed();
    let mut response = Response::builder()
        .status(status)
        .header("content-type", kind);
    if status == 302 {
        response = response.header("location", "/login");
    }
    Ok(response.body(body).unwrap())
}

async fn serve(way: Arc<Mutex<Behaviour>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let way = Arc::clone(&way);
            let service = service_fn(move |question| answer(way.lock().clone(), question));
            spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_fails_lies_truncates_or_hangs_changes_nothing() {
    const JSON: &str = "application/json; charset=utf-8";
    let way = Arc::new(Mutex::new(Behaviour::Answer(200, JSON, ONE)));
    let address = serve(Arc::clone(&way)).await;
    let url = format!("http://{address}/targets?of=here");
    let yaml = format!("{{http_sd: [{{url: \"{url}\", refresh: 100ms, timeout: 300ms}}]}}");
    let mut rig = Rig::new(tempfile::tempdir().unwrap(), &yaml);
    let source = format!("http_sd:{url}");
    rig.finds(&["one"]).await;

    let broken = [
        (Behaviour::Answer(500, JSON, ONE), "answered 500"),
        (
            Behaviour::Answer(302, JSON, ONE),
            "answered 302 Found, not 200; it leads to /login, and redirects are not followed",
        ),
        (
            Behaviour::Answer(200, "text/html", ONE),
            "its content-type is",
        ),
        (
            Behaviour::Answer(200, JSON, "<html>"),
            "its answer is not a JSON list",
        ),
        (Behaviour::CutOff, "the connection broke"),
        (Behaviour::Hang, "no complete answer within 300ms"),
    ];
    for (round, (broken, words)) in broken.into_iter().enumerate() {
        *way.lock() = broken;
        rig.keeps(&["one"], &source, Failed).await;
        assert_eq!(rig.log.count(words), 1, "{words}");
        *way.lock() = Behaviour::Answer(200, JSON, "[]");
        rig.keeps(&["one"], &source, Empty).await;
        *way.lock() = Behaviour::Answer(200, JSON, ONE);
        rig.keeps(&["one"], &source, Good).await;
        let rounds = round + 1;
        assert_eq!(
            (rig.log.count(FAILS), rig.log.count(WELL)),
            (rounds, rounds)
        );
    }
    *way.lock() = Behaviour::Answer(200, JSON, r#"[{"targets": ["10.0.0.3:1", "10.0.0.2:1"]}]"#);
    rig.finds(&["10.0.0.3:1", "10.0.0.2:1"]).await;
}

#[tokio::test]
async fn an_address_without_a_listener_is_a_failure_and_settles() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let rig = Rig::new(
        tempfile::tempdir().unwrap(),
        &format!("{{http_sd: [\"http://{address}\"]}}"),
    );
    timeout(PATIENCE, rig.discovery.settled()).await.unwrap();
    assert_eq!(rig.log.count("cannot connect"), 1);
    assert!(rig.names().is_empty());
}
