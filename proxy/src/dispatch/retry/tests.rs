//! How often, where and when a request is sent again.

use switchyard_config::Config;
use switchyard_grid::{Clock, Grid};
use switchyard_tls::Credentials;

use switchyard_wire::Code;

use super::*;
use crate::{metrics::Metrics, runtime::Runtime};

fn state() -> RetryState {
    let text = "substations: [{name: a, address: 127.0.0.1:1}, {name: b, address: 127.0.0.1:2}]";
    let config = Config::from_yaml(text, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
    let runtime = Runtime::new(config, Credentials::default(), Arc::new(grid), metrics);
    RetryState::new(runtime.snapshot(), Instant::now())
}

const GONE: SafeToRetry = SafeToRetry::Connect(ErrorKind::ConnectionRefused);
const SILENT: SafeToRetry = SafeToRetry::Connect(ErrorKind::TimedOut);

#[test]
fn excluded_substations_are_remembered_until_a_newer_snapshot() {
    let mut state = state();
    state.exclude(7, SafeToRetry::Refused);
    state.exclude(2, GONE);
    assert_eq!(state.excluded(), [7, 2]);
    state.restart_with(Arc::clone(&state.snapshot));
    assert!(state.excluded().is_empty());
}

/// How many substations are asked if each attempt ends in this way, and how often the budget is asked.
fn asked(why: SafeToRetry, has_budget: bool) -> (usize, usize, Option<Stop>) {
    let (mut state, mut withdrawn) = (state(), 0);
    let substation = Arc::clone(&state.snapshot.grid.substations()[0]);
    loop {
        state.attempts += 1;
        state.not_booked(&substation, why, None);
        state.exclude(0, why);
        let may = state.may_retry(Some(why), |_| {
            withdrawn += usize::from(has_budget);
            has_budget
        });
        if !may {
            return (state.attempts, withdrawn, state.stop);
        }
    }
}

#[test]
fn what_loads_no_substation_uses_up_no_budget_and_a_refused_connection_no_attempt() {
    let (attempts, tried) = (Some(Stop::Attempts), Some(Stop::Tried));
    let shortage = SafeToRetry::Shortage(Shortage::Ports);
    for has_budget in [true, false] {
        assert_eq!(asked(GONE, has_budget), (MOST_TRIED, 0, tried));
        assert_eq!(asked(shortage, has_budget), (MOST_TRIED, 0, tried));
        assert_eq!(asked(SILENT, has_budget), (3, 0, attempts));
        assert_eq!(asked(SafeToRetry::Unsent, has_budget), (3, 0, attempts));
    }
    for answered in [
        SafeToRetry::Refused,
        SafeToRetry::Limited,
        SafeToRetry::Unavailable,
    ] {
        assert_eq!(asked(answered, true), (3, 2, attempts));
        assert_eq!(asked(answered, false), (1, 0, Some(Stop::Budget)));
    }
}

#[test]
fn the_same_substation_is_asked_again_at_once_and_then_ever_later() {
    let mut rng = Rng::with_seed(1);
    let mut state = RetryState {
        attempts: 1,
        ..state()
    };
    assert_eq!(state.pause(&mut rng), Duration::ZERO);
    for attempts in 2..=10 {
        state.attempts = attempts;
        let longest = PAUSE * 2_u32.pow(u32::try_from(attempts - 2).unwrap());
        let pause = state.pause(&mut rng);
        assert!(longest / 2 <= pause && pause <= longest, "{pause:?}");
    }
}

/// A state in which these substations did not book, by their positions.
fn after(tried: &[(usize, SafeToRetry, Option<u32>)]) -> RetryState {
    let mut state = state();
    for (at, why, wait) in tried {
        let substation = Arc::clone(&state.snapshot.grid.substations()[*at]);
        state.not_booked(&substation, *why, *wait);
    }
    state
}

#[test]
fn a_reason_has_a_name_in_metrics_and_only_an_answer_would_come_again() {
    use SafeToRetry::{Limited, Refused, Unavailable, Unsent};
    for (why, name, is_answer) in [
        (GONE, "connect", false),
        (SILENT, "connect", false),
        (SafeToRetry::Shortage(Shortage::Ports), "shortage", false),
        (Unsent, "unsent", false),
        (Refused, "refused", true),
        (Limited, "limited", true),
        (Unavailable, "unavailable", true),
    ] {
        assert_eq!((why.name(), why.is_answer()), (name, is_answer));
    }
}

#[test]
fn a_substation_that_may_have_done_it_is_excluded_and_was_an_attempt() {
    let mut state = state();
    state.exclude_sent(1);
    assert_eq!(state.excluded(), [1]);
    state.attempts = 3;
    assert!(!state.may_retry(None, |_| true));
    assert_eq!(state.stop, Some(Stop::Attempts));
}

#[test]
fn what_was_not_even_begun_is_no_attempt_however_it_is_mixed_with_others() {
    let mut state = state();
    for why in [GONE, SafeToRetry::Refused, GONE, GONE, SafeToRetry::Refused] {
        state.attempts += 1;
        state.exclude(0, why);
        assert!(
            state.may_retry(Some(why), |_| true),
            "two attempts of three"
        );
    }
    state.attempts += 1;
    state.exclude(0, SILENT);
    assert!(!state.may_retry(Some(SILENT), |_| true), "that took time");
}

#[test]
fn a_turn_is_kept_as_it_was_set() {
    let state = state();
    assert_eq!(state.turn(), Turn::Unasked);
    for turn in [Turn::Held, Turn::Has, Turn::Unasked, Turn::Has] {
        state.set_turn(turn);
        assert_eq!(state.turn(), turn);
    }
}

#[test]
fn only_who_had_no_room_refused_and_the_soonest_of_them_says_when_to_come_back() {
    use SafeToRetry::{Limited, Refused, Unavailable};
    let refused_by = |tried: &[(usize, SafeToRetry, Option<u32>)]| {
        let state = after(tried);
        let all = state.snapshot.grid.substations();
        let by = [0, 1].map(|at| state.was_refused_by(&all[at]));
        (by, state.room_in())
    };
    assert_eq!(refused_by(&[]), ([false, false], None));
    let others = [(0, Limited, Some(1)), (1, Unavailable, Some(2))];
    assert_eq!(refused_by(&others), ([false, false], None));
    let one = [(0, Limited, Some(1)), (1, Refused, Some(7))];
    assert_eq!(refused_by(&one), ([false, true], Some(7)));
    let both = [(0, Refused, Some(9)), (1, Refused, Some(7))];
    assert_eq!(refused_by(&both), ([true, true], Some(7)));
    let unsaid = [(0, Refused, None), (1, GONE, Some(3))];
    assert_eq!(refused_by(&unsaid), ([true, false], None));
}

#[test]
fn waiting_helps_where_only_room_is_missing() {
    use SafeToRetry::{Limited, Refused, Unavailable};
    let (full, none) = (Refusal::NoCapacity, Refusal::NoUpstream);
    for (refused, why, helps) in [
        (full, None, true),
        (full, Some(GONE), true),
        (full, Some(Refused), true),
        (full, Some(Unavailable), true),
        (full, Some(Limited), false),
        (none, None, false),
        (none, Some(GONE), false),
        (none, Some(Limited), false),
        (none, Some(Refused), true),
    ] {
        let tried: Vec<_> = why.into_iter().map(|why| (0, why, None)).collect();
        let mut state = after(&tried);
        assert_eq!(state.lacks_only_room(refused), helps, "{refused:?} {why:?}");
        state.broken = Some(Failure::new(Code::SubstationFailed, "may be booked"));
        assert!(!state.lacks_only_room(refused), "it may be booked");
    }
    let both = after(&[(0, Limited, None), (1, Refused, None)]);
    assert!(both.lacks_only_room(full));
}
