//! Suggests the key that was probably meant.

use strsim::damerau_levenshtein;

/// The most edits between a word and its suggestion; more would be guessing.
const SLIPS: usize = 2;
/// The longest word worth comparing, in bytes: no key is nearly as long.
const LONGEST: usize = 32;

/// The candidate nearest to `word`, if any is near: two edits away, or begun by it (`stale` for `stale_after`).
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    if word.len() > LONGEST {
        return None;
    }
    let near = candidates.iter().filter_map(|candidate| {
        let begun = word.len() > SLIPS && candidate.starts_with(&word);
        let slips = if begun {
            1
        } else {
            damerau_levenshtein(&word, candidate)
        };
        // A short word is near to everything: half of it must be right.
        (slips <= SLIPS && 2 * slips <= candidate.len()).then_some((slips, *candidate))
    });
    near.min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_word_and_an_unrelated_word_finds_none() {
        let keys = ["listen", "load", "limits", "stale_after", "policy", "name"];
        for (word, meant) in [
            ("lisen", Some("listen")),
            ("limit", Some("limits")),
            ("nmae", Some("name")),
            ("staleAfter", Some("stale_after")),
            ("stale", Some("stale_after")),
            ("Stale-After", Some("stale_after")),
            ("plugins", None),
            ("x", None),
            ("", None),
            (&"listen".repeat(1000), None),
        ] {
            assert_eq!(nearest(word, &keys), meant, "{word}");
        }
    }
}
