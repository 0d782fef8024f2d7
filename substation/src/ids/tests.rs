use super::*;
use std::collections::HashSet;

#[test]
fn ids_differ_from_each_other_and_from_those_of_the_next_start() {
    let (before, after) = (Ids::default(), Ids::default());
    let all: HashSet<_> = (0..1000)
        .flat_map(|_| [before.next(), after.next()])
        .collect();
    assert_eq!(all.len(), 2000);
}

#[test]
fn an_id_is_read_back_in_its_one_spelling() {
    let id = Id(0x0a);
    assert_eq!(id.to_string(), "000000000000000a");
    assert_eq!(Id::parse("000000000000000a"), Some(id));
    for other in [
        "a",
        "000000000000000A",
        "+00000000000000a",
        "00000000000000000a",
        "",
        "é",
    ] {
        assert_eq!(Id::parse(other), None, "{other:?}");
    }
}
