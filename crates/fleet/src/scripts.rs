//! The two operations on a key, each one script: the store runs a script as a whole, and nothing between.
//!
//! A key is a hash: `h` its holder, `f` its fingerprint, and a field for each asker. `p` pins a key that has had more
//! askers than are counted. Each script answers first which asker it has heard, so an answer that belongs to another
//! call is noticed.

use std::{sync::LazyLock, time::Duration};

use redis::{Cmd, Value, cmd};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};

/// A script and the digest by which the store knows it.
pub(crate) struct Script {
    source: &'static str,
    digest: String,
}

pub(crate) static CLAIM: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("claim.lua")));
pub(crate) static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("release.lua")));

/// One call of a script.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    script: &'static LazyLock<Script>,
    key: String,
    arguments: Vec<String>,
}

impl Script {
    fn new(source: &'static str) -> Self {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, source.as_bytes());
        let hex = |byte: &u8| format!("{byte:02x}");
        Self {
            source,
            digest: digest.as_ref().iter().map(hex).collect(),
        }
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digest)
    }
}

impl Call {
    pub(crate) fn claim(
        key: String,
        asker: Asker,
        candidate: &HolderId,
        fingerprint: Fingerprint,
        ttl: Duration,
    ) -> Self {
        // The store takes no time of zero.
        let milliseconds = ttl.as_millis().max(1);
        Self {
            script: &CLAIM,
            key,
            arguments: vec![
                asker.to_string(),
                candidate.to_string(),
                fingerprint.to_string(),
                milliseconds.to_string(),
            ],
        }
    }

    pub(crate) fn release(key: String, asker: Asker) -> Self {
        Self {
            script: &RELEASE,
            key,
            arguments: vec![asker.to_string()],
        }
    }

    /// The call by the script's digest, which the store knows if it has seen the script.
    pub(crate) fn by_digest(&self) -> Cmd {
        self.command("EVALSHA", &self.script.digest)
    }

    /// The call with the whole script, which the store keeps from then on.
    pub(crate) fn by_source(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(1).arg(&self.key);
        for argument in &self.arguments {
            command.arg(argument);
        }
        command
    }
}

/// The name of a key in the store.
pub(crate) fn name_of(prefix: &str, key: KeyHash) -> String {
    format!("{prefix}:key:{key}")
}

/// The answer to a claim of `asker`; `None` if it can't be one.
pub(crate) fn claimed(answer: &Value, asker: Asker) -> Option<Claimed> {
    match heard(answer, asker)? {
        Value::Nil => Some(Claimed::Reused),
        holder => text(holder)?.parse().ok().map(Claimed::Holder),
    }
}

/// The answer to a release of `asker`; `None` if it can't be one.
pub(crate) fn released(answer: &Value, asker: Asker) -> Option<Released> {
    match heard(answer, asker)? {
        Value::Int(1) => Some(Released::Free),
        Value::Int(0) => Some(Released::Held),
        _ => None,
    }
}

/// The second of two values, if the first is `asker`.
fn heard(answer: &Value, asker: Asker) -> Option<&Value> {
    let Value::Array(values) = answer else {
        return None;
    };
    let [first, second] = values.as_slice() else {
        return None;
    };
    (text(first)? == asker.to_string()).then_some(second)
}

pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Asker = Asker {
        process: 1,
        number: 2,
    };

    fn pair(first: &str, second: Value) -> Value {
        Value::Array(vec![Value::BulkString(first.into()), second])
    }

    #[test]
    fn only_an_answer_to_this_asker_counts() {
        let mine = ASKER.to_string();
        let holder = || Value::BulkString(b"a@127.0.0.1:1".to_vec());
        let wanted = "a@127.0.0.1:1".parse().map(Claimed::Holder).ok();
        assert_eq!(claimed(&pair(&mine, holder()), ASKER), wanted);
        assert_eq!(
            claimed(&pair(&mine, Value::Nil), ASKER),
            Some(Claimed::Reused)
        );
        assert_eq!(
            released(&pair(&mine, Value::Int(1)), ASKER),
            Some(Released::Free)
        );
        assert_eq!(
            released(&pair(&mine, Value::Int(0)), ASKER),
            Some(Released::Held)
        );
        for wrong in [
            pair("0000000000000001.3", holder()),
            pair("0000000000000001.3", Value::Nil),
            pair(&mine, Value::Int(1)),
            pair(&mine, Value::BulkString(b"nonsense".to_vec())),
            pair(&mine, Value::BulkString(vec![0xff])),
            Value::Array(vec![Value::BulkString(mine.clone().into())]),
            holder(),
            Value::Nil,
            Value::Okay,
        ] {
            assert_eq!(claimed(&wrong, ASKER), None, "{wrong:?}");
        }
        for wrong in [
            pair("0000000000000001.3", Value::Int(1)),
            pair(&mine, Value::Int(2)),
            pair(&mine, holder()),
            Value::Int(1),
        ] {
            assert_eq!(released(&wrong, ASKER), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_digest_is_the_one_that_the_store_computes() {
        // `redis-cli script load 'return 1'`
        assert_eq!(
            Script::new("return 1").digest,
            "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
        );
    }
}
