use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::world::{
    event::{Release, What},
    http::{Message, Reader},
    plan::{Fault, Gauge, Plan},
};

fn plan() -> SubstationPlan {
    let mut plan = Plan::of(0).substations.swap_remove(0);
    (plan.id, plan.capacity, plan.pace, plan.has_journal) = (7, 100.0, Duration::ZERO, false);
    plan
}

async fn start(plan: SubstationPlan, lasts: Lasts) -> (Arc<Substation>, SocketAddr, Record) {
    let record = Record::begin();
    let any = "127.0.0.1:0".parse().unwrap();
    let substation = Substation::new(plan, lasts, any, 0, record.clone());
    tokio::spawn(serve(Arc::clone(&substation)));
    let address = substation.listens_at().await.unwrap();
    (substation, address, record)
}

async fn ask(address: SocketAddr, request: &str) -> Option<Message> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    Reader::default().message(&mut stream).await.ok()
}

fn charge(load: u32, headers: &str) -> String {
    let body = format!("{{\"power_kw\": {load}, \"energy_kwh\": 100}}");
    let length = body.len();
    format!("POST /charge HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

async fn gauge(address: SocketAddr) -> Option<String> {
    let page = ask(address, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let text = String::from_utf8(page.body).unwrap();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("substation_current_load "));
    value.map(str::to_owned)
}

#[tokio::test]
async fn a_booking_is_in_the_gauge_and_in_the_record_until_it_is_unplugged() {
    let (_substation, address, record) = start(plan(), Lasts::Session).await;
    let booked = ask(
        address,
        &charge(40, "x-request-id: c1-2.0\r\nidempotency-key: k\r\n"),
    )
    .await
    .unwrap();
    assert_eq!(booked.status(), Some(200));
    assert_eq!(gauge(address).await.unwrap(), "40");
    let again = ask(address, &charge(40, "idempotency-key: k\r\n"))
        .await
        .unwrap();
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(
        ask(address, &charge(61, "")).await.unwrap().status(),
        Some(503)
    );
    let unplug = "DELETE /sessions/s7-000000 HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(ask(address, unplug).await.unwrap().status(), Some(200));
    assert_eq!(ask(address, unplug).await.unwrap().status(), Some(404));
    assert_eq!(gauge(address).await.unwrap(), "0");
    let told: Vec<_> = record
        .take()
        .into_iter()
        .map(|event| event.what.to_string())
        .collect();
    assert_eq!(
        told,
        [
            "s7 is up",
            "s7 books s7-000000 for c1-2.0: 40, key k; 40 in all",
            "s7 repeats s7-000000 for an unknown request, key k",
            "s7 refuses an unknown request with 503",
            "s7 releases s7-000000, 40: Unplugged",
        ]
    );
}

#[tokio::test]
async fn without_a_journal_a_kill_forgets_and_with_one_it_does_not() {
    for has_journal in [false, true] {
        let (substation, address, _record) = start(
            SubstationPlan {
                has_journal,
                ..plan()
            },
            Lasts::Session,
        )
        .await;
        ask(address, &charge(40, "")).await.unwrap();
        let mut open = TcpStream::connect(address).await.unwrap();
        substation.kill();
        assert_eq!(open.read(&mut [0]).await.unwrap_or_default(), 0);
        substation.restart();
        let load = loop {
            // It may not listen again yet.
            if let Ok(Some(load)) = tokio::spawn(gauge(address)).await {
                break load;
            }
        };
        assert_eq!(load, if has_journal { "40" } else { "0" });
    }
}

#[tokio::test]
async fn a_load_that_ends_with_its_answer_ends_when_the_client_leaves() {
    let (_substation, address, record) = start(plan(), Lasts::Answer).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(charge(40, "").as_bytes()).await.unwrap();
    while gauge(address).await.unwrap() != "40" {}
    drop(stream);
    while gauge(address).await.unwrap() != "0" {}
    let last = record.take().pop().unwrap();
    assert!(
        matches!(
            last.what,
            What::Released {
                why: Release::Answered,
                ..
            }
        ),
        "{last}"
    );
}

#[tokio::test]
async fn a_substation_misbehaves_while_it_is_told_to() {
    let (substation, address, _record) = start(plan(), Lasts::Session).await;
    let all = 1.0;
    let drops = Fault::Drops {
        substation: 7,
        share: all,
    };
    substation.behave(|manners| manners.follow(&drops, true));
    assert!(ask(address, &charge(1, "")).await.is_none());
    substation.behave(|manners| manners.follow(&drops, false));
    assert_eq!(gauge(address).await.unwrap(), "0");
    let cuts = Fault::Cuts {
        substation: 7,
        share: all,
        behind: 20,
    };
    substation.behave(|manners| manners.follow(&cuts, true));
    assert!(ask(address, &charge(1, "")).await.is_none());
    assert_eq!(gauge(address).await.unwrap(), "1");
    let lies = Fault::Lies {
        substation: 7,
        gauge: Gauge::Times(10.0),
    };
    substation.behave(|manners| manners.follow(&lies, true));
    assert_eq!(gauge(address).await.unwrap(), "10");
    let half = Fault::Lies {
        substation: 7,
        gauge: Gauge::Half,
    };
    substation.behave(|manners| manners.follow(&half, true));
    assert!(gauge(address).await.is_none());
}
