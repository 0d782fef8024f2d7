//! The engine without HTTP, on a clock that stands still while anything runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::engine::{Engine, Piece, Reason, Work};
use crate::metrics;
use crate::settings::{CONTEXT, Settings};

fn engine(slots: usize, slowdown: f64) -> Arc<Engine> {
    Engine::new(Settings {
        slots,
        slowdown,
        token_time: Duration::from_millis(10),
        prefill: Duration::ZERO,
        ..Settings::default()
    })
}

fn exactly(tokens: u64) -> Work {
    Work {
        prompt_tokens: 1,
        tokens,
        end: Reason::Length,
    }
}

async fn all(mut pieces: UnboundedReceiver<Piece>) -> Vec<Piece> {
    let mut found = Vec::new();
    while let Some(piece) = pieces.recv().await {
        found.push(piece);
    }
    found
}

/// Running and waiting, once all tasks have done what they can.
async fn load(engine: &Engine) -> (u64, u64) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let counts = engine.counts();
    let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    (read(&counts.running), read(&counts.waiting))
}

#[tokio::test(start_paused = true)]
async fn so_many_run_as_there_are_slots_and_the_others_wait_in_order() {
    let engine = engine(2, 0.0);
    let began = Instant::now();
    let mut asked: Vec<_> = (0..5).map(|_| engine.begin(exactly(10))).collect();
    assert_eq!(load(&engine).await, (2, 3));
    let mut ends = Vec::new();
    for pieces in asked.drain(..) {
        assert_eq!(all(pieces).await.len(), 10);
        ends.push(began.elapsed().as_millis());
    }
    assert_eq!(ends, [100, 100, 200, 200, 300]);
    assert_eq!(load(&engine).await, (0, 0));
    assert_eq!(engine.counts().cut.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn tokens_come_slower_the_more_requests_run() {
    for (requests, expected) in [(1, 100), (3, 200), (5, 300)] {
        let engine = engine(16, 0.5);
        let began = Instant::now();
        let asked: Vec<_> = (0..requests).map(|_| engine.begin(exactly(10))).collect();
        for pieces in asked {
            all(pieces).await;
        }
        let took = began.elapsed().as_millis();
        // The first step is taken before the others have begun.
        assert!(
            (expected - 20..=expected).contains(&took),
            "{requests} took {took} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_client_that_leaves_is_free_at_once() {
    let engine = engine(1, 0.0);
    let first = engine.begin(exactly(1_000_000));
    let second = engine.begin(exactly(1_000_000));
    let third = engine.begin(exactly(3));
    assert_eq!(load(&engine).await, (1, 2));
    drop(second);
    assert_eq!(load(&engine).await, (1, 1), "one that waited");
    let began = Instant::now();
    drop(first);
    assert_eq!(load(&engine).await, (1, 0), "one that ran");
    assert_eq!(all(third).await.len(), 3);
    assert_eq!(began.elapsed().as_millis(), 30);
    assert_eq!(engine.counts().aborted.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_takes_the_time_of_its_tokens_and_the_last_says_why() {
    let engine = Engine::new(Settings {
        tokens_per_event: 4,
        token_time: Duration::from_millis(10),
        prefill: Duration::from_secs(1),
        ..Settings::default()
    });
    let began = Instant::now();
    let work = Work {
        prompt_tokens: 500,
        ..exactly(10)
    };
    let found = all(engine.begin(work)).await;
    let ends: Vec<_> = found.iter().map(|piece| piece.end).collect();
    assert_eq!(ends, [None, None, Some(Reason::Length)]);
    let text: String = found.into_iter().map(|piece| piece.text).collect();
    assert_eq!(text, " the load goes where there is room, the load");
    assert_eq!(began.elapsed().as_millis(), 600);
}

#[test]
fn lengths_have_a_long_tail_and_what_is_asked_bounds_them() {
    let engine = Engine::new(Settings::default());
    let mut lengths: Vec<_> = (0..10_000)
        .map(|_| engine.work(1, None, false).tokens)
        .collect();
    let total: u64 = lengths.iter().sum();
    assert!((100..300).contains(&(total / 10_000)), "{total}");
    lengths.sort_unstable();
    let longest: u64 = lengths.iter().rev().take(1_000).sum();
    assert!(
        longest > total * 2 / 5,
        "a tenth of the answers has {longest} of {total} tokens"
    );
    assert_eq!(lengths[0], 50);

    let cut = engine.work(1, Some(20), false);
    assert_eq!((cut.tokens, cut.end), (20, Reason::Length));
    let exact = engine.work(1, Some(7000), true);
    assert_eq!((exact.tokens, exact.end), (7000, Reason::Length));
    let whole = engine.work(CONTEXT - 5, Some(7000), true);
    assert_eq!(whole.tokens, 5, "the context bounds it too");
    let again = Engine::new(Settings::default());
    let drawn: Vec<_> = (0..10).map(|_| again.work(1, None, false)).collect();
    let other = Engine::new(Settings::default());
    assert!(
        drawn.iter().all(|work| *work == other.work(1, None, false)),
        "one seed, one sequence"
    );
}

#[tokio::test(start_paused = true)]
async fn the_page_shows_what_runs_and_waits() {
    let engine = engine(2, 0.0);
    let asked: Vec<_> = (0..3).map(|_| engine.begin(exactly(100))).collect();
    load(&engine).await;
    let page = metrics::page(&engine);
    for line in [
        "vllm:num_requests_running{engine=\"0\",model_name=\"mock-8b\"} 2.0",
        "vllm:num_requests_waiting{engine=\"0\",model_name=\"mock-8b\"} 1.0",
        "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"mock-8b\"} 0.000255",
        "vllm:request_success_total{engine=\"0\",model_name=\"mock-8b\",finished_reason=\"abort\"} 0.0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
    drop(asked);
    load(&engine).await;
    assert!(metrics::page(&engine).contains("finished_reason=\"abort\"} 3.0"));
}
