//! The text format of Prometheus, as far as counters and gauges need it.

/// One line: a series and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// What stands between the braces.
    labels: &'a str,
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    /// The value of a label, unless it holds an escape, which no name here does.
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

/// All samples of a page. Lines that are none are passed over.
pub(super) fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (name, labels, rest) = if let Some((name, rest)) = line.split_once('{') {
            // A value in quotes may hold a brace; the last one ends the labels.
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
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_samples() {
        let page = "# HELP a b{c=\"d\"} 3\n# TYPE a gauge\na 1.5e+06\nb{code=\"200\",result=\"booked\"} 7 1700000000\n\
                    c{x=\"}\"} +Inf\n\nnonsense\nd{e=\"f\" 1\ng x\n";
        let found: Vec<_> = samples(page).collect();
        let values: Vec<_> = found
            .iter()
            .map(|sample| (sample.name, sample.value))
            .collect();
        assert_eq!(values, [("a", 1.5e6), ("b", 7.0), ("c", f64::INFINITY)]);
        assert_eq!(found[1].label("result"), Some("booked"));
        assert_eq!(found[1].label("code"), Some("200"));
        assert_eq!(found[1].label("ode"), None);
        assert_eq!(found[0].label("code"), None);
        assert_eq!(found[2].label("x"), Some("}"));
    }
}
