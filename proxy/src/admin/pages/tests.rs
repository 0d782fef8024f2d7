//! Pages that are written while other work goes on.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use http::StatusCode;
use tokio::task::yield_now;

use super::*;

const LONGEST: Duration = Duration::from_secs(20);

fn wanted(path: &str, accepted: &str) -> Wanted {
    let mut headers = HeaderMap::new();
    let accepted = HeaderValue::from_str(accepted).unwrap();
    headers.insert(header::ACCEPT_ENCODING, accepted);
    Wanted::new(path, None, &headers)
}

fn page(body: impl Into<Vec<u8>>) -> Response<Vec<u8>> {
    Response::new(body.into())
}

fn body(answer: &Response<Vec<u8>>) -> Bytes {
    answer.extensions().get::<Held>().unwrap().body().clone()
}

/// On one thread, as the main thread is: were the page written there, nothing would end its wait.
#[tokio::test]
async fn the_thread_goes_on_while_a_page_is_written() {
    let pages = Pages::default();
    let (go_on, told) = mpsc::channel();
    let scraping = async {
        for _ in 0..1_000 {
            yield_now().await;
        }
        go_on.send(thread::current().id()).unwrap();
    };
    let written = pages.get(wanted("/metrics", ""), LONGEST, move |_, _| {
        let of_runtime = told.recv_timeout(LONGEST).unwrap();
        assert_ne!(thread::current().id(), of_runtime);
        page("page")
    });
    let (answer, ()) = tokio::join!(written, scraping);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(body(&answer), "page");
}

#[tokio::test]
async fn one_is_written_at_a_time_and_those_that_asked_before_it_was_begun_share_it() {
    let pages = Pages::default();
    let written = Arc::new(AtomicUsize::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let (go_on, told) = mpsc::channel();
    let get = |told: Option<mpsc::Receiver<()>>| {
        let (written, running) = (Arc::clone(&written), Arc::clone(&running));
        pages.get(wanted("/metrics", ""), LONGEST, move |_, _| {
            assert_eq!(running.fetch_add(1, SeqCst), 0, "two at once");
            if let Some(told) = told {
                told.recv_timeout(LONGEST).unwrap();
            }
            running.fetch_sub(1, SeqCst);
            page((written.fetch_add(1, SeqCst) + 1).to_string())
        })
    };
    let later = async {
        while pages.begun.load(SeqCst) == 0 {
            yield_now().await;
        }
        let both = async { tokio::join!(get(None), get(None)) };
        let go_on = async { go_on.send(()).unwrap() };
        tokio::join!(both, go_on).0
    };
    let (first, (second, third)) = tokio::join!(get(Some(told)), later);
    assert_eq!(body(&first), "1");
    // They came while the first was being written, which may lack what they have to see.
    assert_eq!((body(&second), body(&third)), ("2".into(), "2".into()));
    drop((first, second, third));
    assert_eq!(body(&get(None).await), "3", "nothing is kept");
}

#[tokio::test]
async fn another_page_or_encoding_is_not_shared() {
    let pages = Pages::default();
    let get = |path: &'static str, accepted| {
        pages.get(wanted(path, accepted), LONGEST, |path, _| {
            page(path.repeat(1000))
        })
    };
    let all = tokio::join!(
        get("/metrics", ""),
        get("/metrics", "gzip"),
        get("/status", "")
    );
    assert_eq!(body(&all.0).len(), 8_000);
    assert!(body(&all.1).len() < 500);
    assert_eq!(all.1.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(body(&all.2).len(), 7_000);
    for (answer, varies) in [
        (&all.0, "accept, accept-encoding"),
        (&all.1, "accept, accept-encoding"),
        (&all.2, "accept-encoding"),
    ] {
        assert_eq!(answer.headers()[header::VARY], varies);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_do_not_read_hold_few_pages_and_the_others_are_told() {
    let pages = Pages::default();
    let get = || pages.get(wanted("/status", ""), LONGEST, |_, _| page("page"));
    let mut held = Vec::new();
    for _ in 0..MOST_AT_ONCE {
        held.push(get().await);
    }
    assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
    let refused = |answer: Response<Vec<u8>>| answer.extensions().get::<Failure>().is_some();
    assert!(refused(get().await), "after the longest wait");
    held.pop();
    assert!(!refused(get().await), "a place is free again");
}

#[tokio::test]
async fn a_page_that_panics_is_an_error_and_the_next_is_written() {
    let pages = Pages::default();
    let answer = pages.get(wanted("/status", ""), LONGEST, |_, _| {
        panic!("a page that fails")
    });
    assert_eq!(answer.await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let answer = pages.get(wanted("/status", ""), LONGEST, |_, _| page("page"));
    assert_eq!(body(&answer.await), "page");
}
