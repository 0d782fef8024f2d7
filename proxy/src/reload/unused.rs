//! Says which feeders and labels of the file no substation belongs to, once all substations are known.

use switchyard_config::Config;
use tracing::warn;

/// The most names of one log line.
const MOST_NAMES: usize = 10;

/// What the log names already.
#[derive(Debug, Default)]
pub(super) struct Unused {
    feeders: Vec<String>,
    labels: Vec<String>,
}

impl Unused {
    /// Logs what has become unused since the last call.
    pub(super) fn note(&mut self, config: &Config) {
        if config.feeders.is_empty() && config.selects().next().is_none() {
            *self = Self::default();
            return;
        }
        if let Some(feeders) = news(&mut self.feeders, &config.idle_feeders()) {
            warn!(
                feeders,
                "Feeders without a substation below them limit nothing"
            );
        }
        if let Some(labels) = news(&mut self.labels, &config.unused_labels()) {
            warn!(labels, "Requests select by labels that no substation has");
        }
    }
}

/// The first few names that are not in `noted`, which is then what is `unused`.
fn news(noted: &mut Vec<String>, unused: &[&str]) -> Option<String> {
    let unused: Vec<_> = unused.iter().map(ToString::to_string).collect();
    let known: std::collections::HashSet<_> = noted.iter().collect();
    let mut fresh = unused.iter().filter(|name| !known.contains(name));
    let some: Vec<_> = fresh.by_ref().take(MOST_NAMES).cloned().collect();
    let more = fresh.count();
    *noted = unused;
    match more {
        _ if some.is_empty() => None,
        0 => Some(some.join(", ")),
        more => Some(format!("{} and {more} more", some.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::news;

    #[test]
    fn each_name_is_said_once_for_as_long_as_it_lasts() {
        let mut noted = Vec::new();
        assert_eq!(news(&mut noted, &["a", "b"]).as_deref(), Some("a, b"));
        assert_eq!(news(&mut noted, &["a", "b"]), None);
        assert_eq!(news(&mut noted, &["b", "c"]).as_deref(), Some("c"));
        assert_eq!(news(&mut noted, &[]), None);
        assert_eq!(news(&mut noted, &["b"]).as_deref(), Some("b"));
        let many: Vec<_> = (0..13).map(|at| format!("f{at}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let told = news(&mut noted, &many).unwrap();
        assert!(told.ends_with("f9 and 3 more"), "{told}");
    }
}
