use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tracing::{Level, debug_span, error, info, subscriber::with_default};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `log` writes.
fn lines(log: impl FnOnce()) -> Vec<Value> {
    let sink = Sink::default();
    let of_subscriber = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .event_format(JsonLines::default())
        .with_writer(move || of_subscriber.clone())
        .finish();
    with_default(subscriber, log);
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_event_is_one_object_whatever_it_says() {
    let written = lines(|| {
        info!(
            count = 3_u64,
            below = -1,
            ratio = 0.5,
            is_well = true,
            "Started"
        );
        let text = "a \"b\"\n\\ \u{1b}[31m\u{9b} é";
        error!(text, debug = ?Some(1), nan = f64::NAN, process = "other", "Lines\nand \"quotes\"");
        let span = debug_span!("request", id = "r\"1");
        let _entered = span.enter();
        info!(message = "why", "Refused");
    });
    let [first, second, third] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!(first["message"], "Started");
    assert_eq!(first["level"], "INFO");
    assert_eq!(
        first["fields"],
        json!({"count": 3, "below": -1, "ratio": 0.5, "is_well": true})
    );
    assert!(first["target"].as_str().unwrap().contains("json_lines"));
    assert!(first["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(second["message"], "Lines\nand \"quotes\"");
    assert_eq!(second["fields"]["text"], "a \"b\"\n\\ \u{1b}[31m\u{9b} é");
    assert_eq!(second["fields"]["debug"], "Some(1)");
    assert_eq!(second["fields"]["nan"], "NaN");
    assert_eq!(second["fields"]["process"], "other");
    assert_eq!(second["process"], first["process"]);
    assert_eq!(
        (&third["message"], &third["fields"]),
        (&json!("Refused"), &json!({"message": "why"}))
    );
    assert_eq!(third["spans"], json!(["request{id=\"r\\\"1\"}"]));
}

#[test]
fn what_is_no_event_has_the_same_form() {
    let line = line_of(
        Level::ERROR,
        "panic",
        "it\nbroke",
        &[("place", "a.rs:1"), ("n", "\u{7}")],
    );
    assert_eq!(line.matches('\n').count(), 1);
    assert!(!line.contains('\u{7}'));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["message"], "it\nbroke");
    assert_eq!(line["fields"], json!({"place": "a.rs:1", "n": "\u{7}"}));
    let event = &lines(|| info!("x"))[0];
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&line), keys(event));
}
