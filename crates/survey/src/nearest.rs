//! Names that a name may have been meant for.

use std::collections::BTreeSet;

use strsim::jaro_winkler;

/// The most names that are told.
const MOST: usize = 5;
/// Names that are less alike are not told.
const ALIKE: f64 = 0.8;
/// A shorter name is part of too many others.
const SHORTEST_PART: usize = 4;
/// The longest name that is compared, in bytes: the time grows with the square of it.
const LONGEST: usize = 200;

/// The names among `names` that are most like `wanted`: that contain it or its words, or differ in a few letters.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let bare = wanted.to_ascii_lowercase();
    let short = |name: &&&str| name.len() <= LONGEST && **name != wanted;
    let mut near: Vec<_> = names
        .iter()
        .filter(short)
        .filter(|_| bare.len() <= LONGEST)
        .map(|name| {
            let other = name.to_ascii_lowercase();
            let is_long = bare.len().min(other.len()) >= SHORTEST_PART;
            let contains = is_long && (other.contains(&bare) || bare.contains(&other));
            let like = jaro_winkler(&bare, &other);
            (if contains { like.max(0.9) } else { like }, *name)
        })
        .filter(|(like, _)| *like >= ALIKE)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.truncate(MOST);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_a_prefix_and_a_part_find_the_name_and_others_are_not_told() {
        let names = BTreeSet::from([
            "substation_current_load",
            "substation_capacity",
            "vllm:num_requests_running",
            "go_goroutines",
            "up",
        ]);
        for (wanted, first) in [
            ("substation_curent_load", Some("substation_current_load")),
            ("current_load", Some("substation_current_load")),
            ("num_requests_running", Some("vllm:num_requests_running")),
            (
                "vllm_num_requests_running",
                Some("vllm:num_requests_running"),
            ),
            ("zzz", None),
            ("", None),
            (&"x".repeat(100_000), None),
        ] {
            assert_eq!(
                nearest(wanted, &names).first().copied(),
                first,
                "{wanted:.40}"
            );
        }
        assert!(!nearest("up", &names).contains(&"up"));
    }
}
