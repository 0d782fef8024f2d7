//! Drains of the whole fleet: kept in the store, so they survive every proxy.

use std::{collections::BTreeMap, sync::Arc};

use redis::Value;
use serde::{Deserialize, Serialize};

use crate::scripts::text;

/// All substations that are drained in the fleet, by the text that names them in the store.
pub type Drains = BTreeMap<Arc<str>, Drain>;

/// Who drained a substation, when and why.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Drain {
    /// Who asked for it, as far as the proxy knows.
    pub by: String,
    /// In seconds since the Unix epoch.
    pub at: u64,
    /// As the operator gave it.
    pub reason: Option<String>,
}

/// All drains from a hash; `None` if it is none. A drain whose details can't be read is one without details: what an
/// operator has drained stays drained.
pub(crate) fn parse(answer: &Value) -> Option<Drains> {
    let Value::Array(values) = answer else {
        return None;
    };
    let (pairs, []) = values.as_chunks::<2>() else {
        return None;
    };
    let entry = |[substation, drain]: &[Value; 2]| {
        let drain = serde_json::from_str(text(drain)?).unwrap_or_default();
        Some((Arc::from(text(substation)?), drain))
    };
    pairs.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_drain_without_details_is_a_drain() {
        let answer = Value::Array(vec![
            bulk("a"),
            bulk(r#"{"by":"10.0.0.1","at":5,"reason":"storm"}"#),
            bulk("b"),
            bulk("nonsense"),
            bulk("c"),
            bulk(r#"{"reason":null,"more":1}"#),
        ]);
        let drains = parse(&answer).unwrap();
        let storm = Drain {
            by: "10.0.0.1".to_owned(),
            at: 5,
            reason: Some("storm".to_owned()),
        };
        assert_eq!(drains["a"], storm);
        assert_eq!(drains["b"], Drain::default());
        assert_eq!(drains["c"], Drain::default());
    }

    #[test]
    fn what_is_no_hash_changes_nothing() {
        for wrong in [
            Value::Nil,
            Value::Okay,
            Value::Int(1),
            Value::Array(vec![bulk("a")]),
            Value::Array(vec![bulk("a"), Value::Int(1)]),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong:?}");
        }
    }
}
