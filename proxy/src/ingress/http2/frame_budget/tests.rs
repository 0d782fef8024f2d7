//! Floods of every kind end, honest clients of every kind go on, and the verdict depends on no cut of the bytes.

use super::*;

const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const UNKNOWN: u8 = 0x2a;

fn frame(kind: u8, flags: u8, stream: u32, length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let mut bytes = vec![0, high, low, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.resize(FRAME_HEAD + usize::from(length), 0xff);
    bytes
}

/// A connection that has sent its preface.
fn begun() -> FrameBudget {
    let mut budget = FrameBudget::default();
    budget.received(PREFACE, Duration::ZERO).unwrap();
    budget
}

/// How many of these frames a connection may send at once.
fn allowed(frame: &[u8]) -> usize {
    let mut budget = begun();
    let is_fine = |_: &usize| budget.received(frame, Duration::ZERO).is_ok();
    (0..5_000).take_while(is_fine).count()
}

#[test]
fn a_flood_of_every_kind_ends() {
    for (what, frame, most) in [
        ("PING", frame(PING, 0, 0, 8), 1_000),
        ("SETTINGS", frame(SETTINGS, 0, 0, 0), 100),
        ("PRIORITY", frame(PRIORITY, 0, 3, 5), 1_000),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, 4), 1_000),
        ("unknown", frame(UNKNOWN, 0, 0, 0), 1_000),
        ("large unknown", frame(UNKNOWN, 0, 0, 16_384), 1_000),
        ("RST_STREAM", frame(RST_STREAM, 0, 1, 4), 1_000),
        ("empty DATA", frame(DATA, 0, 1, 0), 1_000),
        ("small DATA", frame(DATA, 0, 1, 1), 1_000),
        ("padding", frame(DATA, PADDED, 1, 255), 1_000),
        ("CONTINUATION", frame(CONTINUATION, 0, 1, 0), 1_000),
        ("repeated HEADERS", frame(HEADERS, 4, 1, 0), 1_001),
    ] {
        assert_eq!(allowed(&frame), most, "{what}");
    }
}

#[test]
fn the_verdict_depends_on_no_cut() {
    let flood: Vec<u8> = (0..1_000)
        .flat_map(|at| match at % 4 {
            0 => frame(PING, 0, 0, 8),
            1 => frame(UNKNOWN, 0, 0, 3),
            2 => frame(DATA, 0, 1, 70),
            _ => frame(WINDOW_UPDATE, 0, 1, 4),
        })
        .chain((0..300).flat_map(|_| frame(PRIORITY, 0, 1, 5)))
        .collect();
    let bytes = [PREFACE, &flood].concat();
    // Where the piece begins with which the budget is used up.
    let end = |size: usize| {
        let mut budget = FrameBudget::default();
        let mut pieces = bytes.chunks(size);
        let at = pieces.position(|piece| budget.received(piece, Duration::ZERO).is_err());
        at.expect("it is a flood in any pieces") * size
    };
    let last = end(1);
    for size in 2..200 {
        let begin = end(size);
        assert!((begin..begin + size).contains(&last), "{size}");
    }
    let mut budget = FrameBudget::default();
    assert_eq!(budget.received(&bytes[..last], Duration::ZERO), Ok(()));
    assert_eq!(
        budget.received(&bytes[last..=last], Duration::ZERO),
        Err(Flood)
    );
}

#[test]
fn a_client_that_keeps_its_connection_alive_goes_on() {
    let mut budget = begun();
    for second in 0..100_000 {
        let old = Duration::from_secs(second);
        budget.received(&frame(PING, 0, 0, 8), old).unwrap();
    }
}

#[test]
fn a_client_of_many_small_answers_goes_on() {
    // For each: the request with its end apart, two updates of windows for the answer, a ping for its window, a priority.
    let mut budget = begun();
    for at in 0..50_000 {
        let stream = 2 * at + 1;
        for frame in [
            frame(HEADERS, 4, stream, 40),
            frame(PRIORITY, 0, stream, 5),
            frame(DATA, 0, stream, 16),
            frame(DATA, 1, stream, 0),
            frame(WINDOW_UPDATE, 0, stream, 4),
            frame(WINDOW_UPDATE, 0, 0, 4),
            frame(PING, 0, 0, 8),
        ] {
            budget.received(&frame, Duration::ZERO).unwrap();
        }
        budget.sent(300);
    }
}

#[test]
fn a_client_that_reads_large_answers_or_sends_large_bodies_goes_on() {
    let mut budget = begun();
    budget
        .received(&frame(HEADERS, 5, 1, 40), Duration::ZERO)
        .unwrap();
    for _ in 0..100_000 {
        budget.sent(2_048);
        for stream in [0, 1] {
            let update = frame(WINDOW_UPDATE, 0, stream, 4);
            budget.received(&update, Duration::ZERO).unwrap();
        }
    }
    for _ in 0..10_000 {
        let piece = [frame(DATA, 0, 1, 2_048), frame(PING, 0, 0, 8)].concat();
        budget.received(&piece, Duration::ZERO).unwrap();
    }
}

#[test]
fn a_client_that_cancels_half_of_what_it_asks_goes_on() {
    let mut budget = begun();
    for at in 0..50_000 {
        let request = frame(HEADERS, 5, 2 * at + 1, 40);
        budget.received(&request, Duration::ZERO).unwrap();
        if at % 2 == 0 {
            let reset = frame(RST_STREAM, 0, 2 * at + 1, 4);
            budget.received(&reset, Duration::ZERO).unwrap();
        }
    }
}

#[test]
fn a_slow_flood_lasts_no_longer_than_its_rate_allows() {
    // A hundred a second: ninety of them are not paid for.
    let mut budget = begun();
    let ping = frame(PING, 0, 0, 8);
    let end = (0..10_000_u64).find(|at| {
        let old = Duration::from_millis(at * 10);
        budget.received(&ping, old).is_err()
    });
    let end = end.expect("it ends");
    assert!((1_100..1_130).contains(&end), "{end}");
}

#[test]
fn what_is_kept_of_unfinished_frames_and_blocks_is_known() {
    let mut budget = begun();
    let mut arrives = |bytes: &[u8]| {
        budget.received(bytes, Duration::ZERO).unwrap();
        budget.unfinished()
    };
    let data = frame(DATA, 0, 1, 10_000);
    assert_eq!(arrives(&data[..9]), 0);
    assert_eq!(arrives(&data[9..5_009]), 5_000);
    assert_eq!(arrives(&data[5_009..]), 0);
    // A block goes on until its end, over whole frames.
    assert_eq!(arrives(&frame(HEADERS, 0, 1, 3_000)), 3_000);
    let more = frame(CONTINUATION, 0, 1, 2_000);
    assert_eq!(arrives(&more[..1_009]), 4_000);
    assert_eq!(arrives(&more[1_009..]), 5_000);
    let last = frame(CONTINUATION, END_HEADERS, 1, 100);
    assert_eq!(arrives(&last[..59]), 50);
    assert_eq!(arrives(&last[59..]), 0);
}
