//! Reads a text from a metrics page: the value of a label of an info series, as in `substation_info{name="north"} 1`.

use memchr::{memchr, memmem};

use super::{at_line_start, line, split};

/// A label of a series to look for. Prepared once.
#[derive(Debug, Clone)]
pub struct Info {
    series: memmem::Finder<'static>,
    label: Box<[u8]>,
}

impl Info {
    /// Prepares the search for `label` of the metric `series`.
    #[must_use]
    pub fn new(series: &str, label: &str) -> Self {
        Self {
            series: memmem::Finder::new(series.as_bytes()).into_owned(),
            label: label.as_bytes().into(),
        }
    }

    /// The label's value, as written. `None` where no whole line has it, where two lines differ, and where it has an
    /// escape.
    #[must_use]
    pub fn find<'a>(&self, page: &'a [u8]) -> Option<&'a str> {
        let (mut found, mut differs) = (None, false);
        self.each(page, |value| {
            differs |= found.replace(value).is_some_and(|other| other != value);
        });
        found.filter(|_| !differs).and_then(as_written)
    }

    /// The same for a page that comes in parts: these are its next whole lines.
    pub fn read(&self, lines: &[u8], so_far: &mut InfoSoFar) {
        self.each(lines, |value| match &so_far.value {
            None => so_far.value = Some(value.into()),
            Some(other) => so_far.differs |= **other != *value,
        });
    }

    fn each<'a>(&self, page: &'a [u8], mut take: impl FnMut(&'a [u8])) {
        let length = self.series.needle().len();
        let mut rest = page;
        while let Some(hit) = self.series.find(rest)
            && let Some((before, after)) = split(rest, hit, length)
            && let Some(end) = memchr(b'\n', after)
        {
            if at_line_start(before)
                && let Some(value) = line::label(after.get(..end).unwrap_or_default(), &self.label)
            {
                take(value);
            }
            rest = after.get(end + 1..).unwrap_or_default();
        }
    }
}

/// What the lines of a page that comes in parts have said so far.
#[derive(Debug, Default)]
pub struct InfoSoFar {
    value: Option<Box<[u8]>>,
    differs: bool,
}

impl InfoSoFar {
    /// The label's value, as [`Info::find`] finds it on a whole page.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        let value = self.value.as_ref().filter(|_| !self.differs);
        value.and_then(|value| as_written(value))
    }
}

fn as_written(value: &[u8]) -> Option<&str> {
    let value = str::from_utf8(value).ok()?;
    (!value.contains('\\')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_found_in_whole_lines_and_never_guessed() {
        let info = Info::new("substation_info", "name");
        for (page, value) in [
            ("substation_info{name=\"north\"} 1\n", Some("north")),
            (
                "# HELP substation_info x\nup 1\nsubstation_info {a=\"b\", name = \"n-1\",} 1 5\n",
                Some("n-1"),
            ),
            // Twice the same is no doubt; two names are.
            (
                "substation_info{name=\"a\"} 1\nsubstation_info{name=\"a\",zone=\"x\"} 1\n",
                Some("a"),
            ),
            (
                "substation_info{name=\"a\"} 1\nsubstation_info{name=\"b\"} 1\n",
                None,
            ),
            ("substation_info{name=\"a\",name=\"b\"} 1\n", None),
            // Another metric, no such label, an escape, a line that is cut.
            ("substation_info_total{name=\"a\"} 1\n", None),
            ("my_substation_info{name=\"a\"} 1\n", None),
            ("substation_info{zone=\"a\"} 1\nsubstation_info 1\n", None),
            ("substation_info{name=\"a\\nb\"} 1\n", None),
            ("substation_info{name=\"a\"} 1", None),
            ("substation_info{name=\"a", None),
            ("substation_info{name\n", None),
            ("", None),
        ] {
            assert_eq!(info.find(page.as_bytes()), value, "{page}");
            let mut so_far = InfoSoFar::default();
            for line in page.split_inclusive('\n') {
                info.read(line.as_bytes(), &mut so_far);
            }
            assert_eq!(so_far.value(), value, "{page}");
        }
    }
}
