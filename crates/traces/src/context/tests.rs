use proptest::prelude::*;

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parsed(value: &str) -> Option<TraceParent> {
    TraceParent::parse(value.as_bytes())
}

fn sample(parents: &[&str], states: &[&str], ratio: f64) -> Option<Context> {
    let mut rng = fastrand::Rng::with_seed(1);
    let parents = parents.iter().map(|value| value.as_bytes());
    let states = states.iter().map(|value| value.as_bytes());
    Context::sample(parents, states, ratio, || rng.u128(..))
}

#[test]
fn a_parent_is_read() {
    let parent = parsed(PARENT).unwrap();
    assert_eq!(
        parent.trace_id.to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(parent.span_id.to_string(), "b7ad6b7169203331");
    assert!(parent.is_sampled());
    let unsampled = PARENT.replace("-01", "-00");
    assert!(!parsed(&unsampled).unwrap().is_sampled());
    // Bits without a meaning are no fault.
    assert!(!parsed(&PARENT.replace("-01", "-fe")).unwrap().is_sampled());
}

#[test]
fn a_later_version_may_say_more_but_no_less() {
    for (value, is_read) in [
        (PARENT.replace("00-", "01-"), true),
        (PARENT.replace("00-", "cc-") + "-what-the-future-says", true),
        (PARENT.replace("00-", "cc-") + "-", true),
        (PARENT.replace("00-", "cc-") + ".what", false),
        (PARENT.replace("00-", "cc-")[..54].to_owned(), false),
        (PARENT.to_owned() + "-what", false),
        (PARENT.replace("00-", "ff-"), false),
    ] {
        assert_eq!(parsed(&value).is_some(), is_read, "{value}");
    }
}

#[test]
fn what_is_malformed_is_no_parent() {
    for value in [
        "",
        "00",
        "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01,00",
    ] {
        assert_eq!(parsed(value), None, "{value:?}");
    }
}

#[test]
fn a_request_is_sampled_as_its_parent_is() {
    let unsampled = PARENT.replace("-01", "-00");
    for ratio in [0.0, 0.5, 1.0] {
        let context = sample(&[PARENT], &["a=1", "b=2,c=3"], ratio).unwrap();
        assert_eq!(
            context.trace_id.to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(context.parent.unwrap().to_string(), "b7ad6b7169203331");
        assert_ne!(context.span_id, context.parent.unwrap());
        assert_eq!(context.state, "a=1,b=2,c=3");
        assert!(!context.is_new());
        assert_eq!(sample(&[&unsampled], &["a=1"], ratio), None);
    }
}

#[test]
fn one_without_a_parent_or_with_a_malformed_one_begins_a_trace_as_one_of_so_many() {
    for parents in [&[][..], &["what"], &[PARENT, PARENT]] {
        assert_eq!(sample(parents, &["a=1"], 0.0), None);
        let context = sample(parents, &["a=1"], 1.0).unwrap();
        assert!(context.is_new());
        assert_eq!((context.parent, context.state.as_str()), (None, ""));
        assert_ne!(
            context.trace_id.to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
    }
    let mut rng = fastrand::Rng::with_seed(2);
    let none = || std::iter::empty::<&[u8]>();
    let sampled = (0..10_000)
        .filter(|_| Context::sample(none(), none(), 0.25, || rng.u128(..)).is_some())
        .count();
    assert!((2_300..2_700).contains(&sampled), "{sampled}");
}

#[test]
fn where_nothing_is_sampled_no_random_number_is_drawn() {
    let none = || std::iter::empty::<&[u8]>();
    let context = Context::sample(none(), none(), 0.0, || panic!("a number was drawn"));
    assert_eq!(context, None);
}

#[test]
fn a_substation_gets_the_trace_with_our_span_as_its_parent() {
    let context = sample(&[PARENT], &[], 0.0).unwrap();
    let header = context.header(SpanId::of(0xabc));
    assert_eq!(
        header,
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000abc-01"
    );
    let random = sample(&[&PARENT.replace("-01", "-ff")], &[], 0.0).unwrap();
    assert!(random.header(SpanId::of(1)).ends_with("-03"));
}

#[test]
fn a_state_that_is_too_long_or_no_text_is_not_said() {
    let long = format!("a={}", "x".repeat(512));
    assert_eq!(sample(&[PARENT], &[&long], 0.0).unwrap().state, "");
    let none = Context::sample(
        std::iter::once(PARENT.as_bytes()),
        std::iter::once(&b"a=\xff"[..]),
        0.0,
        || 1,
    );
    assert_eq!(none.unwrap().state, "");
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1_u128.., span in 1_u64.., parent in any::<u8>()) {
        let value = format!("00-{trace:032x}-{span:016x}-{parent:02x}");
        let read = parsed(&value).unwrap();
        prop_assert_eq!(read.trace_id, TraceId::of(trace));
        prop_assert_eq!(read.span_id, SpanId::of(span));
        prop_assert_eq!(read.is_sampled(), parent & 1 == 1);
    }

    #[test]
    fn no_bytes_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = TraceParent::parse(&value);
    }
}
