//! Hashes that expire, and what each write has replaced.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
    time::Duration,
};

use super::Script;

/// How long what a write has replaced is kept.
const KEPT: Duration = Duration::from_secs(5);
/// Holder, fingerprint and sixteen askers: beyond that a key stays with its holder.
const FIELDS: usize = 18;

/// A hash, and when it expires.
#[derive(Clone, Debug, Default, PartialEq)]
struct Entry {
    fields: BTreeMap<String, String>,
    expires: Option<Duration>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: BTreeMap<String, Entry>,
    /// The moment of each late write, its key, and what was there before.
    replaced: VecDeque<(Duration, String, Option<Entry>)>,
}

impl Table {
    /// Undoes what was written since then.
    pub(super) fn lose_since(&mut self, since: Duration) {
        while let Some((at, key, before)) = self.replaced.pop_back() {
            if at < since {
                break;
            }
            match before {
                Some(before) => self.entries.insert(key, before),
                None => self.entries.remove(&key),
            };
        }
        self.replaced.clear();
    }

    /// Runs a script: its key, and its arguments.
    pub(super) fn script(&mut self, script: Script, words: &[&str], now: Duration) -> String {
        match (script, words) {
            (Script::Claim, [key, asker, candidate, fingerprint, ttl]) => {
                let ttl = Duration::from_millis(ttl.parse().unwrap_or_default());
                let holder = self.claim(key, asker, (candidate, fingerprint), now + ttl, now);
                let holder = holder.map_or("$-1\r\n".to_owned(), |holder| bulk(&holder));
                format!("*2\r\n{}{holder}", bulk(asker))
            }
            (Script::Release, [key, asker]) => {
                let is_free = self.release(key, asker, now);
                format!("*2\r\n{}:{}\r\n", bulk(asker), u8::from(is_free))
            }
            _ => "-ERR wrong number of arguments\r\n".to_owned(),
        }
    }

    fn claim(
        &mut self,
        key: &str,
        asker: &str,
        (candidate, fingerprint): (&str, &str),
        expires: Duration,
        now: Duration,
    ) -> Option<String> {
        let entry = self.entry(key, now);
        let Some(holder) = entry.fields.get("h").cloned() else {
            let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            entry.fields.extend([
                field("h", candidate),
                field("f", fingerprint),
                field(asker, ""),
            ]);
            entry.expires = Some(expires);
            return Some(candidate.to_owned());
        };
        if entry
            .fields
            .get("f")
            .is_some_and(|known| known != fingerprint)
        {
            return None;
        }
        if !entry.fields.contains_key("p") && !entry.fields.contains_key(asker) {
            let field = if entry.fields.len() < FIELDS {
                asker
            } else {
                "p"
            };
            entry.fields.insert(field.to_owned(), String::new());
        }
        Some(holder)
    }

    fn release(&mut self, key: &str, asker: &str, now: Duration) -> bool {
        let entry = self.entry(key, now);
        entry.fields.remove(asker);
        let is_free = entry.fields.len() <= 2;
        if is_free {
            entry.fields.clear();
        }
        is_free
    }

    pub(super) fn all(&mut self, key: &str, now: Duration) -> String {
        let fields = &self.entry(key, now).fields;
        let mut text = format!("*{}\r\n", fields.len() * 2);
        for (name, value) in fields {
            let _ = write!(text, "{}{}", bulk(name), bulk(value));
        }
        text
    }

    pub(super) fn set(
        &mut self,
        key: &str,
        field: &str,
        value: &str,
        replaces: bool,
        now: Duration,
    ) -> String {
        let fields = &mut self.entry(key, now).fields;
        let is_new = !fields.contains_key(field);
        if is_new || replaces {
            fields.insert(field.to_owned(), value.to_owned());
        }
        format!(":{}\r\n", u8::from(is_new))
    }

    pub(super) fn delete(&mut self, key: &str, names: &[&str], now: Duration) -> String {
        let fields = &mut self.entry(key, now).fields;
        let deleted = names.iter().filter(|name| fields.remove(**name).is_some());
        format!(":{}\r\n", deleted.count())
    }

    /// The entry as it is now; what is done with it can be undone for a while.
    fn entry(&mut self, key: &str, now: Duration) -> &mut Entry {
        let before = self.entries.get(key).cloned();
        self.replaced.push_back((now, key.to_owned(), before));
        while self
            .replaced
            .front()
            .is_some_and(|(at, ..)| *at + KEPT < now)
        {
            self.replaced.pop_front();
        }
        let entry = self.entries.entry(key.to_owned()).or_default();
        if entry.expires.is_some_and(|expires| expires <= now) {
            *entry = Entry::default();
        }
        entry
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}
