//! What a pool learns of its substation from how answers come, over time that each test sets.

use super::*;
use crate::pool::Pool;

const MILLI: Duration = Duration::from_millis(1);

/// The answer to one request on a connection of its own.
#[derive(Clone, Copy)]
struct Exchange {
    sent: Instant,
    answered: Instant,
}

/// Requests every tenth of a millisecond from `begin` on; each takes as long as `takes` says of its number.
fn exchanges(begin: Instant, count: u32, takes: impl Fn(u32) -> Duration) -> Vec<Exchange> {
    let exchange = |number: u32| {
        let sent = begin + number * MILLI / 10;
        Exchange {
            sent,
            answered: sent + takes(number),
        }
    };
    let mut exchanges: Vec<_> = (0..count).map(exchange).collect();
    exchanges.sort_by_key(|exchange| exchange.answered);
    exchanges
}

/// After how many of these answers requests may share.
fn shared(pool: &mut Pool, exchanges: &[Exchange]) -> usize {
    let record = |Exchange { sent, answered }: &Exchange| {
        let seen = Observation {
            answers: 1,
            slowest: *answered - *sent,
            latest_sent: Some(*sent),
            ..Observation::default()
        };
        pool.record(seen, Duration::ZERO, *answered);
        pool.is_eligible()
    };
    exchanges.iter().map(record).filter(|may| *may).count()
}

fn prompt(_: u32) -> Duration {
    MILLI / 20
}

/// A pool whose substation has answered a hundred requests promptly, and when the next is due.
fn proven() -> (Pool, Instant) {
    let (mut pool, begin) = (Pool::default(), Instant::now());
    shared(&mut pool, &exchanges(begin, 100, prompt));
    assert!(pool.is_eligible());
    (pool, begin + 10 * MILLI)
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_all_requests_share_does_not_end_the_sharing() {
    let (mut pool, begin) = proven();
    // It grows to 40 ms, stays, and shrinks again.
    let queue = |number: u32| 40 * MILLI * number.min(20_000 - number).min(5_000) / 5_000;
    let answers = exchanges(begin, 20_000, queue);
    let count = shared(&mut pool, &answers);
    assert!(count > 19_000, "{count}");
}

#[tokio::test(start_paused = true)]
async fn a_substation_that_pauses_as_a_whole_shares_again_soon_after() {
    let (mut pool, begin) = proven();
    // Of every 200 ms it does nothing for 20 and then answers what waits, a hundred requests a millisecond.
    let pauses = |number: u32| {
        let waited = 200_u32.saturating_sub(number % 2_000);
        MILLI / 20 + waited * MILLI / 10 + (200 - waited.min(200)).min(200) * MILLI / 100_000
    };
    let answers = exchanges(begin, 100_000, pauses);
    let count = shared(&mut pool, &answers);
    // What is lost are the requests of the pauses, and as many after each as earn it again.
    assert!(count > 85_000, "{count}");
}

/// The same silences, but each because of one slow request, with none sent behind it.
#[tokio::test(start_paused = true)]
async fn a_slow_answer_that_no_other_could_overtake_is_no_pause() {
    let (mut pool, begin) = proven();
    let answers: Vec<_> = (0..20_000_u32)
        .map(|number| {
            let sent = begin + number * 30 * MILLI;
            let takes = if number % 100 == 0 {
                20 * MILLI
            } else {
                MILLI / 20
            };
            Exchange {
                sent,
                answered: sent + takes,
            }
        })
        .collect();
    let count = shared(&mut pool, &answers);
    assert!(count < 500, "{count}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_among_prompt_ones_ends_it_though_others_come_right_before_it() {
    for slow in [5, 50] {
        let (mut pool, begin) = proven();
        let takes = |number| {
            if number == 500 {
                slow * MILLI
            } else {
                prompt(number)
            }
        };
        let answers = exchanges(begin, 500 + 10 * slow, takes);
        shared(&mut pool, &answers);
        assert!(!pool.is_eligible(), "{slow} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_substation_that_begins_to_hold_all_requests_loses_it_with_the_first() {
    for hold in [6, 50, 1_000] {
        let (mut pool, begin) = proven();
        let answers = exchanges(begin, 30_000, |_| hold * MILLI);
        assert_eq!(shared(&mut pool, &answers), 0, "{hold} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_substation_that_holds_all_requests_never_earns_it() {
    for hold in [2, 5, 50] {
        let (mut pool, begin) = (Pool::default(), Instant::now());
        let answers = exchanges(begin, 30_000, |_| hold * MILLI);
        assert_eq!(shared(&mut pool, &answers), 0, "{hold} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_holds_up_those_behind_it_ends_it_whatever_it_waited_for() {
    let (mut pool, begin) = proven();
    let sent = begin + 10 * MILLI;
    let straggler = Observation {
        answers: 1,
        slowest: 6 * MILLI,
        is_straggler: true,
        latest_sent: Some(begin),
        ..Observation::default()
    };
    shared(&mut pool, &exchanges(begin, 100, prompt));
    pool.record(straggler, Duration::ZERO, sent);
    assert!(!pool.is_eligible());
}
