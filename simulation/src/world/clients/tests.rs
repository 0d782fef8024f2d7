use std::sync::Mutex;

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::world::{http::Reader, plan::Plan};

fn plan(protocol: Protocol) -> ClientPlan {
    ClientPlan {
        id: 3,
        protocol,
        pause: Duration::ZERO,
        requests: 1,
        keyed: 1.0,
        repeats: 2,
        wanders: false,
        leaves: 0.0,
        dribbles: 0.5,
        sips: 0.5,
        tends: 0.0,
        twins: 0.0,
        ..Plan::of(0).clients.swap_remove(0)
    }
}

/// What happened to a client whose requests get these answers, one after another, and what the proxy has read.
async fn answered(
    plan: ClientPlan,
    answers: &'static [&'static str],
) -> (Vec<String>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let record = Record::begin();
    let street = Street {
        proxies: vec![(0, address)],
        seed: 0,
        record: record.clone(),
        is_over: Arc::default(),
        patience: Duration::from_mins(1),
        has_machines: false,
    };
    let read = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&read);
    tokio::spawn(async move {
        let mut connection: Option<(TcpStream, Reader)> = None;
        for answer in answers {
            let (mut stream, mut reader) = match connection.take() {
                Some(kept) => kept,
                None => (listener.accept().await.unwrap().0, Reader::default()),
            };
            let request = reader.message(&mut stream).await.unwrap();
            told.lock().unwrap().push(format!("{:?}", request.headers));
            stream.write_all(answer.as_bytes()).await.unwrap();
            if !answer.is_empty() {
                connection = Some((stream, reader));
            }
        }
    });
    run(plan, Arc::new(street)).await;
    let events = record
        .take()
        .into_iter()
        .map(|event| event.what.to_string())
        .collect();
    let read = read.lock().unwrap().clone();
    (events, read)
}

#[tokio::test]
async fn a_client_with_a_key_asks_again_and_names_the_possible_holder() {
    let doubtful =
        "HTTP/1.1 502 x\r\nx-possible-holder: 0123456789abcdef\r\ncontent-length: 0\r\n\r\n";
    let booked = "HTTP/1.1 200 x\r\ncontent-length: 19\r\n\r\n{\"session_id\":\"s1\"}";
    let answers: &'static [&'static str] = Box::leak(Box::new([doubtful, "", booked]));
    let (events, read) = answered(plan(Protocol::Http1), answers).await;
    assert_eq!(events.len(), 9, "{events:?}");
    assert!(events[5].contains("no answer: Closed"), "{events:?}");
    assert!(events[8].starts_with("c3-0.2 200 s1"), "{events:?}");
    assert!(!read[0].contains("x-possible-holder"));
    assert!(read[2].contains("0123456789abcdef") && read[2].contains("k-c3-0"));
}

#[tokio::test]
async fn a_client_without_a_key_asks_again_only_if_nothing_is_booked() {
    let plan = ClientPlan {
        keyed: 0.0,
        ..plan(Protocol::Http1)
    };
    let refused = "HTTP/1.1 503 x\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let doubtful = "HTTP/1.1 502 x\r\ncontent-length: 0\r\n\r\n";
    let answers: &'static [&'static str] = Box::leak(Box::new([refused, doubtful]));
    let (events, read) = answered(plan, answers).await;
    assert_eq!((events.len(), read.len()), (6, 2), "{events:?}");
}
