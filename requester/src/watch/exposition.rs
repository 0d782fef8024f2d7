//! The text format of Prometheus, as far as counters and gauges need it.

/// One line: a series and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// The text between the braces.
    labels: &'a str,
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    /// The value of a label. Escapes are not supported; no name that is read here has one.
    pub(super) fn label(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.labels;
        loop {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = after.split_once('"')?;
            if name.trim_matches([',', ' ']) == wanted {
                return Some(value);
            }
            rest = after;
        }
    }
}

/// All samples of a page. Other lines are skipped.
pub(super) fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (name, labels, rest) = if let Some((name, rest)) = line.split_once('{') {
            // A quoted value may contain a brace; the last brace ends the labels.
            let (labels, rest) = rest.rsplit_once('}')?;
            (name, labels, rest)
        } else {
            let (name, rest) = line.split_once(char::is_whitespace)?;
            (name, "", rest)
        };
        let value = rest.split_whitespace().next()?.parse().ok()?;
        Some(Sample {
            name: name.trim(),
            labels,
            value,
        })
    })
}

#[cfg(test)]
mod tests;
