//! Connections that stay open, break at the wrong moment, or are open at the shutdown.

use std::time::Duration;

use crate::support::{Client, Running, get, post, until};
use substation::Config;
use tokio::io::AsyncWriteExt;

const HALF: &str = "POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: 15\r\n\r\n{\"power_";

/// Sends half a request and returns once the substation must have read it.
async fn half_sent(running: &Running) -> Client {
    let mut client = running.client().await;
    client.send(b"GET /live HTTP/1.1\r\nhost: s\r\n\r\n").await;
    client.send(HALF.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    client
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let running = Running::of(10_000.0).await;
    let mut client = running.client().await;
    for _ in 0..100 {
        assert_eq!(client.ask(&post("{}")).await.status, 200);
        assert_eq!(client.ask(&post("no")).await.status, 400);
        assert_eq!(client.ask(&get("/nowhere")).await.status, 404);
    }
    assert_eq!(running.substation.active_sessions(), 100);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let running = Running::of(10_000.0).await;
    let mut client = running.client().await;
    client
        .send(post(r#"{"power_kw":1}"#).repeat(20).as_bytes())
        .await;
    for number in 1..=20 {
        assert_eq!(
            client.answer().await.json()["current_load"],
            f64::from(number)
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_inside_its_body_has_booked_nothing() {
    let running = Running::of(100.0).await;
    for _ in 0..10 {
        drop(half_sent(&running).await);
    }
    let chunked =
        "POST /charge HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let mut client = running.client().await;
    client.send(chunked.as_bytes()).await;
    client.stream.shutdown().await.unwrap();
    client.rest().await;
    // A whole request on a later connection shows that the earlier ones are done.
    assert_eq!(running.charge("").await.json()["current_load"], 11.0);
    assert_eq!(running.substation.sessions_started(), 1);
    assert_eq!(
        running
            .metric(r#"substation_charge_requests_total{result="invalid"}"#)
            .await,
        0.0
    );
}

#[tokio::test]
async fn a_client_that_goes_away_right_after_sending_leaves_a_session_that_ends() {
    let config = Config {
        time_scale: 18_000.0,
        ..Config::new("s", 10_000.0)
    };
    let running = Running::start(config).await;
    for _ in 0..50 {
        let mut client = running.client().await;
        client.send(post("").as_bytes()).await;
    }
    // The bytes are in the substation's kernel buffers, so all requests are admitted in the end.
    until("all were booked", async || {
        running.substation.sessions_started() == 50
    })
    .await;
    until("all have ended", async || {
        running.substation.active_sessions() == 0
    })
    .await;
    assert_eq!(running.substation.current_load_kw(), 0.0);
}

#[tokio::test]
async fn a_client_that_closes_its_half_still_gets_its_answer() {
    let running = Running::of(100.0).await;
    let mut client = running.client().await;
    client.send(post("").as_bytes()).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_connections_without_a_request() {
    let running = Running::of(100.0).await;
    let mut fresh = running.client().await;
    let mut used = running.client().await;
    assert_eq!(used.ask(&get("/live")).await.status, 200);
    let mut head_begun = running.client().await;
    head_begun.send(b"POST /charge HTTP/1.1\r\nho").await;
    // One thread serves all: while it answers these, it has read the half head too.
    for _ in 0..5 {
        assert_eq!(used.ask(&get("/live")).await.status, 200);
    }
    let begun = std::time::Instant::now();
    running.stop().await;
    let took = begun.elapsed();
    assert!(
        took.as_secs_f64() < 1.5,
        "stopped only after {took:?}, the limit for requests in flight"
    );
    for client in [&mut fresh, &mut used, &mut head_begun] {
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn a_request_in_flight_at_the_shutdown_is_answered_and_not_booked() {
    let running = Running::of(100.0).await;
    let mut client = half_sent(&running).await;
    let (substation, address) = (running.substation.clone(), running.address);
    let served = running.begin_stop();
    until("the port is closed", async || {
        tokio::net::TcpStream::connect(address).await.is_err()
    })
    .await;
    client.send(b"kw\": 1}").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "draining"));
    assert_eq!(client.rest().await, b"");
    served.await.unwrap().unwrap();
    assert_eq!(substation.sessions_started(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_charge_at_the_shutdown_is_answered_and_not_booked() {
    let config = Config {
        answer_after: Duration::from_secs(1),
        ..Config::new("substation1", 100.0)
    };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    client.send(post("").as_bytes()).await;
    // Its head has been read once a second client has been answered.
    assert_eq!(running.ask(&get("/live")).await.status, 200);
    let substation = running.substation.clone();
    let served = running.begin_stop();
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "draining"));
    served.await.unwrap().unwrap();
    assert_eq!(substation.sessions_started(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_becomes_whole_delays_the_shutdown_only_for_a_while() {
    let running = Running::of(100.0).await;
    let mut client = half_sent(&running).await;
    running.stop().await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_408_and_books_nothing() {
    let running = Running::of(100.0).await;
    let mut client = running.client().await;
    let answer = client.ask(HALF).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "request_timeout")
    );
    assert_eq!(running.substation.sessions_started(), 0);
}

#[tokio::test]
async fn dropping_the_run_closes_its_connections() {
    let running = Running::of(100.0).await;
    let mut client = running.client().await;
    assert_eq!(client.ask(&get("/live")).await.status, 200);
    let substation = running.substation.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(substation::run(
        substation,
        listener,
        std::future::pending(),
    ));
    let mut second = Client::connect(address).await;
    assert_eq!(second.ask(&get("/live")).await.status, 200);
    served.abort();
    assert_eq!(second.rest().await, b"");
    assert_eq!(client.ask(&get("/live")).await.status, 200);
}
