//! No `traceparent`, `tracestate` or `Retry-After` makes its reader panic. A trace is what the specification's own pattern
//! takes, and what the proxy then writes reads back as the same trace. A date is no time at all after itself.

#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use switchyard_wire::retry_after;

// Part of a crate that is built with what speaks to a collector; the file itself needs nothing.
#[path = "../../crates/traces/src/context.rs"]
#[allow(dead_code, reason = "the crate uses the rest")]
mod context;

use context::{Context, SpanId, TraceParent};

/// The version, the ids and the flags, by the words of the specification.
fn reference(value: &[u8]) -> Option<(u128, u64, u8)> {
    // What a later version says behind is any bytes.
    let (known, more) = value.split_at(value.len().min(55));
    let text = str::from_utf8(known).ok()?;
    let is_hex = |part: &str, length| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let mut part = |length| parts.next().filter(|part| is_hex(part, length));
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_all = parts.next().is_none() && (more.is_empty() || more.starts_with(b"-"));
    if !is_all || version == "ff" || version == "00" && !more.is_empty() {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    Some((trace, span, u8::from_str_radix(flags, 16).ok()?))
}

fn check_retry_after(value: &[u8], date: Option<&[u8]>) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_148_000);
    let Some(seconds) = retry_after(value, date, now) else {
        return;
    };
    if value.iter().all(u8::is_ascii_digit) {
        let digits = value.iter().map(|digit| u32::from(digit - b'0'));
        let expected = digits.fold(0_u32, |all, digit| {
            all.saturating_mul(10).saturating_add(digit)
        });
        assert_eq!(seconds, expected);
    } else {
        assert_eq!(retry_after(value, Some(value), now), Some(0));
    }
}

// The first line is `traceparent` or `Retry-After`, each further one a `tracestate`, or the first a `Date`.
fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let value = lines.next().unwrap_or_default();
    let states: Vec<_> = lines.collect();
    check_retry_after(value, states.first().copied());
    let parent = TraceParent::parse(value);
    let read = parent.map(|parent| {
        let trace = u128::from_be_bytes(*parent.trace_id.bytes());
        let span = u64::from_be_bytes(*parent.span_id.bytes());
        (trace, span, parent.is_sampled())
    });
    let expected = reference(value).map(|(trace, span, flags)| (trace, span, flags & 1 == 1));
    assert_eq!(read, expected);
    assert!(
        TraceParent::of([value, value].into_iter()).is_none(),
        "two of them"
    );
    for ratio in [0.0, 0.5, 1.0] {
        let values = [value].into_iter();
        let context = Context::sample(values, states.iter().copied(), ratio, || 7);
        let Some(context) = context else {
            assert!(parent.map_or(ratio < 1.0, |parent| !parent.is_sampled()));
            continue;
        };
        assert_eq!(context.is_new(), parent.is_none());
        assert!(context.state.len() <= 512);
        let written = context.header(SpanId::of(5));
        let again = TraceParent::parse(written.as_bytes()).expect("what is written is read");
        assert!(again.is_sampled());
        assert_eq!(
            (again.trace_id, again.span_id),
            (context.trace_id, SpanId::of(5))
        );
        if let Some(parent) = parent {
            assert_eq!(context.trace_id, parent.trace_id);
            assert_eq!(context.parent, Some(parent.span_id));
        }
    }
});
