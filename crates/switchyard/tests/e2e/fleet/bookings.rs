//! What the substations' journals say about keys.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// The sessions of each key.
#[derive(Default)]
pub(super) struct Bookings {
    by_key: BTreeMap<String, Vec<String>>,
}

impl Bookings {
    /// Adds the journal of the substation `name`.
    pub(super) fn add_journal(&mut self, name: &str, path: &Path) {
        let text = fs::read_to_string(path).unwrap();
        // A kill may cut the last line short, or the line is just being written.
        for line in text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            let booked = &line["booked"];
            if let (Some(key), Some(session)) = (booked["key"].as_str(), booked["session"].as_str())
            {
                let sessions = self.by_key.entry(key.to_owned()).or_default();
                sessions.push(format!("{name}-{session}"));
            }
        }
    }

    /// How many keys have booked.
    pub(super) fn keys(&self) -> usize {
        self.by_key.len()
    }

    /// Whether this key has booked.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The keys with more than one session.
    pub(super) fn doubled(&self) -> Vec<&str> {
        let doubled = self
            .by_key
            .iter()
            .filter(|(_, sessions)| sessions.len() > 1);
        doubled.map(|(key, _)| key.as_str()).collect()
    }

    /// Whether this key has this session.
    pub(super) fn has(&self, key: &str, session: &str) -> bool {
        let sessions = self.by_key.get(key);
        sessions.is_some_and(|sessions| sessions.iter().any(|booked| booked == session))
    }
}
