//! The tree of feeders as text, for people who check a file.

use std::{collections::HashMap, fmt};

use crate::{Config, Feeder};

/// How much of each feeder's capacity to keep free where several proxies fill it, in percent. They learn of each other's
/// bookings with the next samples only.
const MARGIN: u32 = 5;
/// The most substations that are named below one feeder.
const MOST_NAMES: usize = 8;
/// The most feeders that are shown: more are no overview.
const MOST_LINES: usize = 200;

/// The feeders of a configuration as a tree, each with its limit and the substations right below it, and what several
/// proxies have to heed. Each line begins with `# `, so that it can stand in the file. Empty without feeders.
#[derive(Debug)]
pub struct Outline<'a>(&'a Config);

impl Config {
    /// The feeders as a tree.
    #[must_use]
    pub const fn outline(&self) -> Outline<'_> {
        Outline(self)
    }
}

impl fmt::Display for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config {
            feeders,
            substations,
            ..
        } = self.0;
        if feeders.is_empty() {
            return Ok(());
        }
        let mut children: HashMap<Option<&str>, Vec<&Feeder>> = HashMap::new();
        for feeder in feeders {
            let parent = feeder.parent.as_deref();
            children.entry(parent).or_default().push(feeder);
        }
        let mut members: HashMap<&str, Vec<&str>> = HashMap::new();
        for substation in substations {
            if let Some(feeder) = &substation.feeder {
                let named = members.entry(feeder).or_default();
                named.push(&substation.name);
            }
        }
        writeln!(
            f,
            "# Feeders, each with its limit and the substations right below it:"
        )?;
        // A path has eight levels at most, and a fault of the file would have been told.
        let roots = children.get(&None).into_iter().flatten();
        let mut next: Vec<_> = roots.rev().map(|feeder| (0, *feeder)).collect();
        let mut shown = 0;
        while let Some((level, feeder)) = next.pop() {
            if shown == MOST_LINES {
                writeln!(f, "#   and {} more", feeders.len() - shown)?;
                break;
            }
            shown += 1;
            let indent = "  ".repeat(level + 1);
            write!(f, "# {indent}{} ({})", feeder.name, limit(feeder))?;
            let named = members.get(feeder.name.as_str());
            line_end(f, named.map_or(&[], Vec::as_slice))?;
            let below = children.get(&Some(feeder.name.as_str()));
            let below = below.into_iter().flatten().rev();
            next.extend(below.map(|feeder| (level + 1, *feeder)));
        }
        if feeders
            .iter()
            .any(|feeder| feeder.capacity.is_some() || feeder.load.is_some())
        {
            writeln!(
                f,
                "# Where several proxies book below the same feeders, write {MARGIN} % less than what each can bear, or the power \
                 of two of the largest cars if that is more:\n\
                 # they learn of each other's bookings with the next samples only. In a rush it is more: docs/grid.md."
            )?;
        }
        Ok(())
    }
}

fn limit(feeder: &Feeder) -> String {
    match (feeder.capacity, &feeder.load) {
        (Some(capacity), None) => capacity.to_string(),
        (Some(capacity), Some(load)) => format!("{capacity}, metered at {}", load.authority()),
        (None, Some(load)) => format!("that of its meter at {}", load.authority()),
        (None, None) => "no limit".to_owned(),
    }
}

/// The substations right below a feeder, and the end of its line.
fn line_end(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    if !names.is_empty() {
        let some: Vec<_> = names.iter().take(MOST_NAMES).copied().collect();
        write!(f, ": {}", some.join(", "))?;
    }
    match names.len().checked_sub(MOST_NAMES) {
        Some(more) if more > 0 => writeln!(f, " and {more} more"),
        _ => writeln!(f),
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn outline(text: &str) -> String {
        Config::from_yaml(text, "test")
            .unwrap()
            .outline()
            .to_string()
    }

    #[test]
    fn feeders_are_a_tree_with_their_limits_and_substations() {
        let names: Vec<_> = (1..=10)
            .map(|at| format!("{{name: s{at}, address: 127.0.0.1:{at}, feeder: f7}}"))
            .collect();
        let text = format!(
            "feeders: [{{name: f7, parent: t, capacity: 304}}, {{name: u}}, {{name: t, capacity: 630.5}}, \
             {{name: f8, parent: t, load: {{address: 10.0.0.9:9100}}}}, {{name: f9, parent: f8}}]\n\
             substations: [{}, {{name: n, address: 127.0.0.1:11, feeder: t}}, {{name: m, address: 127.0.0.1:12}}]",
            names.join(", ")
        );
        let expected = "\
# Feeders, each with its limit and the substations right below it:
#   u (no limit)
#   t (630.5): n
#     f7 (304): s1, s2, s3, s4, s5, s6, s7, s8 and 2 more
#     f8 (that of its meter at 10.0.0.9:9100)
#       f9 (no limit)
# Where several proxies book below the same feeders, write 5 % less than what each can bear, or the power of two of the largest cars if that is more:
# they learn of each other's bookings with the next samples only. In a rush it is more: docs/grid.md.
";
        assert_eq!(outline(&text), expected);
    }

    #[test]
    fn without_feeders_nothing_is_said_and_of_ten_thousand_not_all() {
        assert_eq!(
            outline("substations: [{name: a, address: 127.0.0.1:1}]"),
            ""
        );
        let feeders: Vec<_> = (0..10_000).map(|at| format!("{{name: f{at}}}")).collect();
        let text = format!(
            "substations: [{{name: a, address: 127.0.0.1:1}}]\nfeeders: [{}]",
            feeders.join(", ")
        );
        let shown = outline(&text);
        assert_eq!(shown.lines().count(), 202);
        assert!(shown.ends_with("#   and 9800 more\n"), "{shown}");
    }
}
