//! On which line of a text each of its values is.
//!
//! Made only once something is wrong: a tree with places would make each reading dearer, and most texts have no fault.

use granit_parser::{Event, Parser};

/// A value of a text, and on which line it begins. The line of an entry of a map is that of its key.
#[derive(Debug, Default)]
pub struct Places {
    line: Option<usize>,
    below: Below,
}

#[derive(Debug, Default)]
enum Below {
    /// A plain value, or an alias.
    #[default]
    Nothing,
    List(Vec<Places>),
    Map(Vec<(String, Places)>),
}

/// What is open while the text is read, and the key whose value is next.
struct Open {
    places: Places,
    key: Option<(String, usize)>,
}

impl Places {
    /// The places in the first document of `text`, as far as it is YAML.
    ///
    /// A text that [`read`](super::read) takes is nested within bounds, and this copies no alias.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else {
                return Self::default();
            };
            let line = span.start.line();
            let below = match event {
                Event::Scalar(text, ..) => {
                    if let Some(Open {
                        places:
                            Self {
                                below: Below::Map(_),
                                ..
                            },
                        key: key @ None,
                    }) = open.last_mut()
                    {
                        *key = Some((text.into_owned(), line));
                        continue;
                    }
                    Below::Nothing
                }
                Event::Alias(_) => Below::Nothing,
                Event::SequenceStart(..) => Below::List(Vec::new()),
                Event::MappingStart(..) => Below::Map(Vec::new()),
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(Open { places, .. }) = open.pop() else {
                        continue;
                    };
                    if let Some(whole) = add(&mut open, places) {
                        return whole;
                    }
                    continue;
                }
                _ => continue,
            };
            let places = Self {
                line: Some(line),
                below,
            };
            match &places.below {
                Below::Nothing => {
                    if let Some(whole) = add(&mut open, places) {
                        return whole;
                    }
                }
                Below::List(_) | Below::Map(_) => open.push(Open { places, key: None }),
            }
        }
        Self::default()
    }

    /// The places of a map with this one under `key`.
    #[must_use]
    pub fn under(self, key: &str) -> Self {
        Self {
            line: None,
            below: Below::Map(vec![(key.to_owned(), self)]),
        }
    }

    /// The line of what is at `path`, as in `routes[1].select.zone`, or of the last part of it that is there; of keys that
    /// are the same, that of the one after `skipped` others. `None` for the text as a whole.
    #[must_use]
    pub fn line(&self, path: &str, skipped: usize) -> Option<usize> {
        let (mut at, mut rest) = (self, path);
        let mut line = None;
        while !rest.is_empty() {
            let step = match &at.below {
                Below::Nothing => None,
                Below::List(items) => item(items, rest),
                Below::Map(entries) => entry(entries, rest, skipped),
            };
            let Some((next, left)) = step else {
                break;
            };
            (at, rest) = (next, left.strip_prefix('.').unwrap_or(left));
            line = at.line.or(line);
        }
        line
    }
}

/// Adds what is complete to what is open around it. Gives it back if nothing is: it is the document.
fn add(open: &mut [Open], complete: Places) -> Option<Places> {
    let Some(Open { places, key }) = open.last_mut() else {
        return Some(complete);
    };
    match &mut places.below {
        Below::List(items) => items.push(complete),
        Below::Map(entries) => match key.take() {
            Some((key, line)) => {
                let line = Some(line);
                entries.push((key, Places { line, ..complete }));
            }
            // A key that is no text has a place too, though no path leads to it.
            None => *key = Some((String::new(), complete.line.unwrap_or(1))),
        },
        Below::Nothing => {}
    }
    None
}

/// The item that `path` begins with, and what is left of the path.
fn item<'p, 'a>(items: &'a [Places], path: &'p str) -> Option<(&'a Places, &'p str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((items.get(index.parse::<usize>().ok()?)?, rest))
}

/// The entry that `path` begins with, and what is left of the path. A key may have points itself: the longest counts.
fn entry<'p, 'a>(
    entries: &'a [(String, Places)],
    path: &'p str,
    skipped: usize,
) -> Option<(&'a Places, &'p str)> {
    let left = |key: &str| {
        let rest = path.strip_prefix(key)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
    };
    // As a message writes a key that is no word.
    let left = |key: &str| left(key).or_else(|| left(&format!("{key:?}")));
    let shortest = entries.iter().filter_map(|(key, _)| left(key));
    let rest = shortest.min_by_key(|rest| rest.len())?;
    let mut same = entries.iter().filter(|(key, _)| left(key) == Some(rest));
    let skipped = if rest.is_empty() { skipped } else { 0 };
    same.nth(skipped).map(|(_, places)| (places, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A comment.
listen: 127.0.0.1:8080
forwarded:
  trust:
    - 10.0.0.0/8
    - &own ::1
  send: [a,
    b]
labels: {two words: 1, a.b: {c: 2},
  a: {b: 3}}
again: *own
listen: twice
[odd]: 1
routes: [{path: /a/}, {path: /b/,
   any: 1}]
";

    #[test]
    fn each_value_has_the_line_of_its_key_or_of_itself_in_a_list() {
        let places = Places::of(TEXT);
        for (path, line) in [
            ("listen", 2),
            ("forwarded", 3),
            ("forwarded.trust", 4),
            ("forwarded.trust[0]", 5),
            ("forwarded.trust[1]", 6),
            ("forwarded.send[1]", 8),
            ("labels.\"two words\"", 9),
            ("labels.a.b.c", 9),
            ("labels.a", 10),
            ("again", 11),
            ("routes[1].any", 15),
            // What is not there is missing in what is.
            ("forwarded.trust[2]", 4),
            ("forwarded.tryst", 3),
            ("routes[0].load.field", 14),
        ] {
            assert_eq!(places.line(path, 0), Some(line), "{path}");
        }
        assert_eq!(places.line("listen", 1), Some(12));
        assert_eq!(places.line("nothing", 0), None);
        assert_eq!(places.line("", 0), None);
        let list = Places::of("- {name: a}\n- {name: b}").under("clients");
        assert_eq!(list.line("clients[1].name", 0), Some(2));
    }

    #[test]
    fn what_is_no_yaml_has_no_places() {
        for text in ["", "a: [", "\t", "a: *b", "---\n"] {
            assert_eq!(Places::of(text).line("a", 0), None, "{text:?}");
        }
    }
}
