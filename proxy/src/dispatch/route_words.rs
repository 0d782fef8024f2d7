//! Errors of requests of a route, in its words and in its shape.
//!
//! Failures are made in the words of charges. Whatever is made anywhere on the way of a request is told anew here, when it
//! is about to be sent: a word for a word, so that no message is left out. Names and values stand in other words, or are
//! parts of longer ones, and stay.

use std::borrow::Cow;

use switchyard_config::{ErrorShape, RouteLasts};
use switchyard_wire::Failure;

use crate::snapshot::RouteRule;

/// What a request that books nothing for longer than its answer is told in place of what a charge is told.
const NOT_BOOKED: [(&str, &str); 4] = [
    ("nothing more is booked", "nothing more was done"),
    ("nothing is booked", "nothing was done"),
    ("may have booked", "may have done"),
    ("is booked", "is done"),
];

/// The body of the answer to a request of this route, or to any other.
pub(super) fn body_of(failure: &Failure, request_id: &str, rule: Option<&RouteRule>) -> Vec<u8> {
    let Some(rule) = rule else {
        return failure.to_json(request_id);
    };
    let told = Failure {
        message: told(&failure.message, rule),
        ..failure.clone()
    };
    match rule.config.errors.shape {
        ErrorShape::Switchyard => told.to_json(request_id),
        ErrorShape::OpenAi => told.to_openai_json(),
    }
}

/// A message in the words of a route.
fn told(message: &str, rule: &RouteRule) -> String {
    let mut message = Cow::Borrowed(message);
    if rule.config.lasts != RouteLasts::Session {
        for (from, to) in NOT_BOOKED {
            if message.contains(from) {
                message = Cow::Owned(message.replace(from, to));
            }
        }
    }
    let message = in_place_of(&message, "charge", "request");
    match &rule.config.errors.noun {
        Some(noun) => in_place_of(&message, "substation", noun),
        None => message,
    }
}

/// The text with `noun` for each `word` that stands alone in it, also where there are several of what it names.
fn in_place_of(text: &str, word: &str, noun: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = found.get(word.len()..).unwrap_or_default();
        let (is_many, behind) = match after.strip_prefix('s') {
            Some(behind) => (true, behind),
            None => (false, after),
        };
        told.push_str(before);
        let begins = told.is_empty() || told.ends_with(is_gap);
        if begins && is_end(behind) {
            let is_article = |before: &str| before.is_empty() || before.ends_with(is_gap);
            if noun.starts_with(is_vowel) && told.strip_suffix("a ").is_some_and(is_article) {
                told.pop();
                told.push_str("n ");
            }
            if is_many {
                told.push_str(&many(noun));
            } else {
                told.push_str(noun);
            }
        } else {
            told.push_str(word);
            if is_many {
                told.push('s');
            }
        }
        rest = behind;
    }
    told.push_str(rest);
    told
}

/// Whether a word may begin behind this.
fn is_gap(before: char) -> bool {
    before == ' ' || before == '('
}

/// Whether a word ends before this.
fn is_end(behind: &str) -> bool {
    let mut behind = behind.chars();
    match behind.next() {
        None | Some(' ' | ',' | ';' | ':' | ')' | '\'') => true,
        // The end of a sentence, and no part of a name.
        Some('.') => behind.next().is_none_or(|next| next == ' '),
        Some(_) => false,
    }
}

fn is_vowel(letter: char) -> bool {
    "aeiouAEIOU".contains(letter)
}

/// The word for several.
fn many(noun: &str) -> String {
    let is_hissing = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(begin) if !begin.ends_with(is_vowel) => format!("{begin}ies"),
        _ if is_hissing => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_replaced_and_no_name() {
        for (text, told) in [
            (
                "no substation has room for this charge now",
                "no backend has room for this charge now",
            ),
            (
                "the substations limit how often",
                "the backends limit how often",
            ),
            ("substation", "backend"),
            (
                "any substation, any substation; (substation) substation: the substation's substation. A substation.",
                "any backend, any backend; (backend) backend: the backend's backend. A backend.",
            ),
            (
                "substation1 answered 503, substation-2 has no room",
                "substation1 answered 503, substation-2 has no room",
            ),
            (
                "x-substation substation.example substation_a \"substation\" substations1",
                "x-substation substation.example substation_a \"substation\" substations1",
            ),
            (
                "mysubstation substationsubstation",
                "mysubstation substationsubstation",
            ),
            ("", ""),
        ] {
            assert_eq!(in_place_of(text, "substation", "backend"), told);
        }
    }

    #[test]
    fn articles_and_plurals_fit_the_word() {
        let text = "a connection to a substation, of substations";
        for (noun, told) in [
            ("engine", "a connection to an engine, of engines"),
            ("proxy", "a connection to a proxy, of proxies"),
            ("relay", "a connection to a relay, of relays"),
            ("box", "a connection to a box, of boxes"),
        ] {
            assert_eq!(in_place_of(text, "substation", noun), told);
        }
        assert_eq!(
            in_place_of("a substation", "substation", "engine"),
            "an engine"
        );
        assert_eq!(
            in_place_of("extra substation", "substation", "engine"),
            "extra engine"
        );
    }
}
