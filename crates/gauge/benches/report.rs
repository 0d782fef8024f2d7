//! The cost of reading a load from an answer, and of searching an answer that has none.

use bytes::BytesMut;
use divan::{Bencher, black_box};
use switchyard_gauge::orca;
use switchyard_http1::{Answer, Decoded, Decoder, Limits};

fn main() {
    divan::main();
}

fn answer(headers: &str) -> Answer {
    let bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: 2\r\ndate: Wed, 25 Nov 2026 15:00:00 GMT\r\n\r\n{{}}"
    );
    let mut received = BytesMut::from(bytes.as_bytes());
    match Decoder::new(Limits::default()).decode(&mut received, false) {
        Ok(Decoded::Done(answer)) => answer,
        other => unreachable!("{other:?}"),
    }
}

#[divan::bench]
fn an_answer_without_one(bencher: Bencher<'_, '_>) {
    let answer = answer("");
    bencher.bench_local(|| orca::find(black_box(&answer).headers()).is_none());
}

#[divan::bench(args = [
    "TEXT named_metrics.substation_current_load=121.5, named_metrics.substation_capacity=500",
    r#"JSON {"named_metrics": {"substation_current_load": 121.5, "substation_capacity": 500}}"#,
])]
fn an_answer_with_one(bencher: Bencher<'_, '_>, value: &str) {
    let answer = answer(&format!("endpoint-load-metrics: {value}\r\n"));
    bencher.bench_local(|| {
        let value = orca::find(black_box(&answer).headers())?.ok()?;
        orca::read(value, "substation_current_load", "substation_capacity").ok()
    });
}
