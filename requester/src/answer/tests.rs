//! Which bodies are kept, and what is read from them.

use super::*;

fn answer(status: u16, pieces: &[&'static str]) -> Answer {
    let mut answer = Answer::test(status, None);
    for piece in pieces {
        answer.push(&Bytes::from_static(piece.as_bytes()));
    }
    answer
}

#[test]
fn only_a_refusal_has_a_code() {
    let body = [r#"{"error":{"co"#, r#"de":"no_capacity","more":1}}"#];
    assert_eq!(answer(503, &body).code().as_deref(), Some("no_capacity"));
    assert_eq!(answer(200, &body).code(), None);
    for other in [
        "",
        "<html>",
        r#"{"error":"text"}"#,
        r#"{"error":{"code":3}}"#,
    ] {
        assert_eq!(answer(503, &[other]).code(), None, "{other}");
    }
}

#[test]
fn a_page_is_kept_if_all_bodies_are_kept() {
    let page = Bytes::from_static(b"load 1\n");
    for (keep, kept) in [(KeepBody::All, &page[..]), (KeepBody::Refusals, b"")] {
        let head = http::Response::new(()).into_parts().0;
        let mut answer = Answer::new(head, keep);
        answer.push(&page);
        assert_eq!(answer.body(), kept);
    }
}

#[test]
fn an_endless_refusal_is_not_kept() {
    let mut answer = answer(500, &[]);
    for _ in 0..1000 {
        answer.push(&Bytes::from_static(&[b' '; 1000]));
    }
    assert!(answer.body.len() <= MAX_REFUSAL);
}
