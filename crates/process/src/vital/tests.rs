use std::future::{pending, ready};

use super::*;

/// Time in which nothing but timers moves.
async fn pass(time: Duration) {
    sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_down_for_a_pause_and_then_runs_again() {
    let vitals = Vitals::default();
    let mut runs = 0;
    let task = vitals.task("scraper").run_forever(move || {
        runs += 1;
        async move {
            assert!(runs == 4, "run {runs} fails");
            pending::<()>().await;
        }
    });
    let task = tokio::spawn(task);
    let almost = Duration::from_millis(999);
    for pause in [1, 2, 4] {
        pass(Duration::from_secs(pause - 1) + almost).await;
        assert_eq!(*vitals.down(), ["scraper".into()], "pause of {pause} s");
        pass(Duration::from_millis(1)).await;
    }
    pass(Duration::from_millis(1)).await;
    assert!(vitals.down().is_empty(), "it runs");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_panic_is_a_death_too_unless_it_is_intended() {
    let vitals = Vitals::default();
    let mut task = vitals.task("admin port");
    assert_eq!(task.run(ready(Ended::Finished)).await, Ended::Finished);
    let began = Instant::now();
    assert_eq!(task.run(ready(Ended::TooSoon)).await, Ended::TooSoon);
    task.pause().await;
    assert_eq!(began.elapsed(), FIRST_PAUSE);
    assert!(vitals.down().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_pause_grows_to_the_longest_and_starts_over_after_a_long_life() {
    let vitals = Vitals::default();
    let mut task = vitals.task("a");
    for _ in 0..8 {
        task.run(ready(Ended::TooSoon)).await;
        task.pause().await;
    }
    assert_eq!(task.pause, LONGEST_PAUSE);
    task.run(async {
        pass(IS_WELL).await;
        Ended::TooSoon
    })
    .await;
    assert_eq!(task.pause, FIRST_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_cancelled_during_its_pause_is_not_down_for_ever() {
    let vitals = Vitals::default();
    let mut first = vitals.task("discovery a");
    let first = tokio::spawn(async move { first.pause().await });
    pass(Duration::from_millis(1)).await;
    assert_eq!(vitals.down().len(), 1);
    first.abort();
    assert!(first.await.is_err());
    assert!(vitals.down().is_empty());
}
