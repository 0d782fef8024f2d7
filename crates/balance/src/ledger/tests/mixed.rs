//! An upstream that bears load of both kinds, because requests say how long theirs lasts.

use std::{sync::Arc, time::Duration};

use super::{load, reading};
use crate::{
    Lasts, LastsEstimator, Ledger, Load, RequestLimit, Reservation, Roster, ShareEstimator, Trust,
    ledger::Carrier,
};

mod model;
mod world;

fn ledger(capacity: f64) -> Arc<Ledger> {
    Arc::new(Ledger::new(Some(load(capacity))))
}

fn sample(ledger: &Ledger, units: f64) {
    ledger.sample(ledger.scrape_sent(), reading(units));
}

fn reserve(ledger: &Arc<Ledger>, units: f64) -> Reservation<Ledger> {
    Reservation::of(Arc::clone(ledger), load(units))
}

fn stream(ledger: &Arc<Ledger>, units: f64) -> Reservation<Ledger> {
    reserve(ledger, units).lasting(Lasts::Answer)
}

#[test]
fn a_stream_beside_sessions_is_counted_once_and_its_end_at_once() {
    let ledger = ledger(100.0);
    sample(&ledger, 0.0);
    reserve(&ledger, 10.0).booked();
    let streamed = stream(&ledger, 4.0);
    assert_eq!(ledger.estimate(), load(14.0));
    sample(&ledger, 14.0);
    assert_eq!(ledger.estimate(), load(14.0));
    assert_eq!(ledger.room(), load(86.0).micros());
    drop(streamed);
    assert_eq!(
        ledger.estimate(),
        load(14.0),
        "no answer has come: it may be borne"
    );
    sample(&ledger, 10.0);
    assert_eq!(ledger.estimate(), load(10.0));
    let streamed = stream(&ledger, 4.0);
    sample(&ledger, 14.0);
    streamed.answered();
    assert_eq!(ledger.estimate(), load(10.0));
    assert_eq!(ledger.room(), load(90.0).micros());
    sample(&ledger, 10.0);
    assert_eq!(ledger.estimate(), load(10.0));
}

#[test]
fn once_its_answer_has_begun_a_stream_ends_when_it_is_dropped() {
    for rule in Lasts::ALL {
        let ledger = ledger(100.0);
        ledger.set_lasts(rule);
        sample(&ledger, 0.0);
        let mut streamed = stream(&ledger, 4.0);
        streamed.begun();
        streamed.begun();
        assert_eq!(ledger.estimate(), load(4.0));
        drop(streamed);
        assert_eq!(ledger.estimate(), Load::ZERO);
        let mut session = reserve(&ledger, 4.0).lasting(Lasts::Session);
        session.begun();
        drop(session);
        assert_eq!(ledger.estimate(), load(4.0), "it may have been booked");
        assert_eq!((ledger.in_flight(), ledger.awaiting()), (0, 0));
    }
}

#[test]
fn a_request_whose_answer_has_begun_counts_for_no_limit_of_requests() {
    for limit in [RequestLimit::Soft(1), RequestLimit::Hard(1)] {
        let ledger = ledger(100.0);
        ledger.set_request_limit(limit);
        let mut streamed = stream(&ledger, 1.0);
        assert!(ledger.is_at_limit());
        streamed.begun();
        assert!(!ledger.is_at_limit() && !ledger.is_at_hard_limit());
        assert_eq!((ledger.in_flight(), ledger.awaiting()), (1, 0));
        let waiting = reserve(&ledger, 1.0);
        assert!(ledger.is_at_limit() && !ledger.is_over_hard_limit());
        drop(streamed);
        assert!(ledger.is_at_limit());
        waiting.booked();
        assert!(!ledger.is_at_limit());
        assert_eq!((ledger.in_flight(), ledger.awaiting()), (0, 0));
    }
}

#[test]
fn a_session_where_load_ends_with_its_answer_stays() {
    let ledger = ledger(100.0);
    ledger.set_lasts(Lasts::Answer);
    sample(&ledger, 0.0);
    let session = reserve(&ledger, 10.0).lasting(Lasts::Session);
    assert!(session.outlives());
    let request = reserve(&ledger, 3.0);
    assert!(!request.outlives());
    // Both answers come while a gauge is read that shows neither or both.
    for gauge in [0.0, 13.0] {
        let sent = ledger.scrape_sent();
        let other = reserve(&ledger, 10.0).lasting(Lasts::Session);
        assert_eq!(ledger.estimate(), load(23.0));
        other.cancel();
        ledger.sample(sent, reading(gauge));
        assert_eq!(ledger.estimate(), load(13.0), "{gauge}");
    }
    let sent = ledger.scrape_sent();
    session.booked();
    request.booked();
    assert_eq!(ledger.estimate(), load(10.0));
    ledger.sample(sent, reading(0.0));
    assert_eq!(ledger.estimate(), load(10.0), "it was read before both");
    assert!(ledger.room() <= load(90.0).micros());
    sample(&ledger, 10.0);
    assert_eq!(ledger.estimate(), load(10.0));
    assert_eq!(ledger.room(), load(90.0).micros());
}

#[test]
fn a_silent_gauge_hides_ends_of_sessions_and_none_of_streams() {
    for rule in Lasts::ALL {
        let ledger = ledger(100.0);
        ledger.set_lasts(rule);
        sample(&ledger, 0.0);
        reserve(&ledger, 20.0).lasting(Lasts::Session).booked();
        let streamed = stream(&ledger, 5.0);
        sample(&ledger, 25.0);
        ledger.extrapolate(-0.5);
        assert_eq!(ledger.estimate(), load(15.0));
        streamed.answered();
        assert_eq!(ledger.estimate(), load(10.0));
    }
}

#[test]
fn a_gauge_that_is_not_believed_is_not_believed_of_sessions_only() {
    let ledger = ledger(100.0);
    sample(&ledger, 0.0);
    for _ in 0..3 {
        reserve(&ledger, 11.0).booked();
        ledger.lasts_for(load(11.0), Duration::from_mins(10), Duration::ZERO);
    }
    let streamed = stream(&ledger, 5.0);
    for trust in [Trust::Least, Trust::Ignored] {
        ledger.set_trust(trust, load(2.0), false);
        assert_eq!(ledger.estimate(), load(40.0), "{trust:?}");
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), load(40.0), "{trust:?}");
        assert_eq!(ledger.room(), load(60.0).micros(), "{trust:?}");
    }
    streamed.answered();
    assert_eq!(ledger.estimate(), load(35.0));
}

#[test]
fn a_report_on_an_answer_may_or_may_not_have_what_ends_with_it() {
    for gauge in [10.0, 14.0] {
        let ledger = ledger(100.0);
        sample(&ledger, 0.0);
        reserve(&ledger, 10.0).booked();
        let streamed = stream(&ledger, 4.0);
        let sent = ledger.report_sent();
        streamed.answered();
        assert!(ledger.report(sent, Load::ZERO, reading(gauge)));
        assert_eq!(ledger.estimate(), load(10.0), "{gauge}");
    }
}

#[test]
fn the_next_process_takes_streams_for_load_of_others_and_those_of_a_dead_one_are_gone() {
    for rule in Lasts::ALL {
        let old = ledger(100.0);
        old.set_lasts(rule);
        sample(&old, 0.0);
        reserve(&old, 10.0).lasting(Lasts::Session).booked();
        let mut shown = stream(&old, 4.0);
        shown.begun();
        sample(&old, 14.0);
        let _unseen = stream(&old, 2.0);
        let restored = |is_alive| {
            let new = ledger(100.0);
            new.set_lasts(rule);
            let by = Carrier {
                is_alive,
                ..Carrier::default()
            };
            new.restore(&old.carry(Duration::ZERO), by);
            new
        };
        assert_eq!(restored(false).estimate(), load(10.0), "{rule}");
        assert_eq!(restored(false).room(), load(90.0).micros(), "{rule}");
        let new = restored(true);
        assert_eq!(new.estimate(), load(16.0), "{rule}");
        assert_eq!(new.room(), load(84.0).micros(), "{rule}");
        sample(&new, 16.0);
        assert_eq!(new.room(), load(84.0).micros(), "they stay, and count once");
        sample(&new, 14.0);
        assert_eq!(new.estimate(), load(14.0), "one has ended there");
        new.predecessor_ended();
        sample(&new, 10.0);
        assert_eq!(new.estimate(), load(10.0), "{rule}");
        // A silent gauge does not keep what has ended.
        let silent = restored(true);
        silent.predecessor_ended();
        assert_eq!(silent.estimate(), load(10.0), "{rule}");
        assert_eq!(silent.room(), load(90.0).micros(), "{rule}");
    }
}

#[test]
fn what_requests_say_is_not_learned_and_does_not_hide_what_is() {
    for truth in Lasts::ALL {
        let roster = Roster::new((0..3).map(|_| ledger(1_000.0)));
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut lasts, mut share) = (LastsEstimator::new(), ShareEstimator::new());
        let mut streams: Vec<Vec<Reservation<Ledger>>> = vec![Vec::new(), Vec::new(), Vec::new()];
        let mut held: Vec<Vec<Reservation<Ledger>>> = vec![Vec::new(), Vec::new(), Vec::new()];
        let mut sessions = [0.0_f64; 3];
        for round in 0..60 {
            for (at, ledger) in roster.iter().enumerate() {
                let left = rng.usize(..=streams[at].len());
                streams[at].truncate(left);
                streams[at].extend((0..rng.usize(5..20)).map(|_| stream(ledger, 1.0)));
                streams[at].iter_mut().for_each(Reservation::begun);
                let ended = rng.usize(..=held[at].len());
                held[at].drain(..ended).for_each(Reservation::booked);
                for _ in 0..rng.u32(1..6) {
                    if truth == Lasts::Session {
                        reserve(ledger, 1.0).booked();
                        sessions[at] += 1.0;
                    } else {
                        held[at].push(reserve(ledger, 1.0));
                    }
                }
                let under_way = streams[at].iter().chain(&held[at]);
                let gauge: f64 = under_way.map(|one| one.load().units()).sum();
                sample(ledger, gauge + sessions[at]);
            }
            share.round(&roster);
            assert!(share.is_alone(), "{truth}, round {round}");
            let learned = lasts.round(&roster);
            assert!(learned.is_none_or(|learned| learned == truth), "{truth}");
        }
        assert_eq!(lasts.learned(), Some(truth));
    }
}

#[test]
fn where_all_requests_say_it_nothing_is_learned() {
    let roster = Roster::new((0..3).map(|_| ledger(1_000.0)));
    let mut rng = fastrand::Rng::with_seed(2);
    let mut lasts = LastsEstimator::new();
    let mut streams: Vec<Reservation<Ledger>> = Vec::new();
    for _ in 0..200 {
        let left = rng.usize(..=streams.len());
        streams.truncate(left);
        streams.iter_mut().for_each(Reservation::begun);
        for ledger in roster.iter() {
            streams.extend((0..rng.usize(5..20)).map(|_| stream(ledger, 1.0)));
            let own = streams
                .iter()
                .filter(|one| Arc::ptr_eq(one.upstream(), ledger));
            sample(ledger, own.map(|one| one.load().units()).sum());
        }
        assert_eq!(lasts.round(&roster), None);
    }
}
