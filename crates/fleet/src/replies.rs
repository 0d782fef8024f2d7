//! Whatever a store answers, as bytes: nothing that is read of it panics, an answer to another call never counts, and what
//! counts is what a plain look at the values says.

use proptest::{collection::vec, prelude::*};
use redis::Value;
use switchyard_idempotency::{Asker, Claimed, Released};

use crate::{drains, scripts};

const ASKER: Asker = Asker {
    process: 1,
    number: 2,
};
/// As this asker is written.
const TEXT: &[u8] = b"0000000000000001.2";
/// Its text begins as the other's does.
const OTHER: Asker = Asker {
    process: 1,
    number: 0x23,
};

/// An answer in the store's words.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let bulk = |text: Vec<u8>| [format!("${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat();
    let text = prop_oneof![
        3 => Just(TEXT.to_vec()),
        1 => Just(b"0000000000000001.23".to_vec()),
        2 => "[a-z@.:0-9]{0,24}".prop_map(String::into_bytes),
        2 => "[a-z]{1,4}@(127.0.0.1|\\[::1\\]):[0-9]{1,5}".prop_map(String::into_bytes),
        1 => r#"\{"(by|at|reason)": ?(1|"x"|null)\}"#.prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
    ];
    let leaf = prop_oneof![
        3 => text.prop_map(bulk),
        1 => Just(b"$-1\r\n".to_vec()),
        1 => Just(b"*-1\r\n".to_vec()),
        1 => Just(b"+OK\r\n".to_vec()),
        1 => Just(b"-ERR no\r\n".to_vec()),
        2 => (-1_i64..3).prop_map(|number| format!(":{number}\r\n").into_bytes()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        vec(inner, 0..5).prop_map(|all| {
            let begin = format!("*{}\r\n", all.len()).into_bytes();
            [begin, all.concat()].concat()
        })
    })
}

/// The second of two values, if the first is the asker's text.
fn second(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(values) => match &values[..] {
            [Value::BulkString(first), second] => (first == TEXT).then_some(second),
            _ => None,
        },
        _ => None,
    }
}

fn check(value: &Value) {
    let read = |asker| {
        let claimed = scripts::claimed(value, asker);
        (claimed, scripts::released(value, asker))
    };
    let (claimed, released) = read(ASKER);
    if read(OTHER) != (None, None) {
        assert_eq!((&claimed, &released), (&None, &None), "two askers' answer");
    }
    let expected = match second(value) {
        Some(Value::Nil) => (Some(Claimed::Reused), None),
        Some(Value::Int(0)) => (None, Some(Released::Held)),
        Some(Value::Int(1)) => (None, Some(Released::Free)),
        Some(Value::BulkString(text)) => {
            let holder = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            (holder.map(Claimed::Holder), None)
        }
        _ => (None, None),
    };
    assert_eq!((claimed, released), expected);
    if let Some(all) = drains::parse(value) {
        let Value::Array(values) = value else {
            panic!("no list: {value:?}");
        };
        assert!(values.len().is_multiple_of(2) && all.len() <= values.len() / 2);
        for drain in all.values() {
            let text = serde_json::to_string(drain).unwrap();
            assert_eq!(
                &serde_json::from_str::<drains::Drain>(&text).unwrap(),
                drain
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_a_store_answers_is_read_as_what_it_says(
        bytes in answer(),
        at in any::<prop::sample::Index>(),
        byte in prop::option::of(any::<u8>()),
    ) {
        let mut bytes = bytes;
        if let Some(byte) = byte {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(value) = redis::parse_redis_value(&bytes) {
            check(&value);
        }
        // By chance few are an answer to the asker, so this is one, too.
        let pair = [b"*2\r\n$18\r\n", TEXT, b"\r\n", &bytes].concat();
        if let Ok(value) = redis::parse_redis_value(&pair) {
            check(&value);
        }
    }
}
