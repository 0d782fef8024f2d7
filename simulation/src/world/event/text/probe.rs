//! What a proxy says of itself, in a few words: of each substation what the proxy takes it for.

use std::fmt;

use serde_json::Value;

use super::super::Probe;

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} descriptors, {} threads",
            self.descriptors, self.threads
        )?;
        let substations = self.status.get("substations").and_then(Value::as_array);
        // Beyond a few they would hide the rest of the log.
        for substation in substations.into_iter().flatten().take(MOST) {
            let number = |name: &str| {
                substation
                    .get(name)
                    .and_then(Value::as_f64)
                    .unwrap_or(f64::NAN)
            };
            let text = |name: &str| substation.get(name).and_then(Value::as_str).unwrap_or("?");
            let share = substation.pointer("/health/share").and_then(Value::as_f64);
            write!(
                f,
                "; {} {} share {} shows {} estimated {} unseen {} in flight {}",
                text("name"),
                text("state"),
                share.unwrap_or(f64::NAN),
                number("current_load"),
                number("estimated_load"),
                number("unseen_load"),
                number("in_flight"),
            )?;
            if substation.get("distrusted").and_then(Value::as_bool) == Some(true) {
                f.write_str(" distrusted")?;
            }
        }
        Ok(())
    }
}

/// How many substations a line of the log shows.
const MOST: usize = 12;
