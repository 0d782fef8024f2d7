mod plain;

use std::collections::BTreeMap;

use switchyard_balance::{Ledger, Roster};

use super::*;
use crate::{Source, Unfit, Value};

fn labels(of: &[(&str, &str)]) -> LabelSet {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    of.iter().map(own).collect()
}

fn rule(label: &str, source: Source) -> Rule {
    Rule {
        label: label.into(),
        source,
        is_preference: false,
        spill_at: None,
        is_number: false,
    }
}

fn field(name: &str) -> Source {
    Source::Field(name.into())
}

/// `connector` is needed, `zone` is preferred and `power` has to be reached.
fn rules() -> Vec<Rule> {
    vec![
        rule("connector", field("connector_type")),
        Rule {
            is_preference: true,
            spill_at: Some(0.85),
            ..rule("zone", Source::Header("x-zone".into()))
        },
        Rule {
            is_number: true,
            ..rule("power", field("power_kw"))
        },
    ]
}

fn town() -> Vec<LabelSet> {
    vec![
        labels(&[("connector", "ccs,type2"), ("zone", "a"), ("power", "150")]),
        labels(&[("connector", "type2"), ("zone", "a"), ("power", "22")]),
        labels(&[("connector", "ccs"), ("zone", "b"), ("power", "50")]),
        labels(&[("zone", "b")]),
    ]
}

fn selections(rules: Vec<Rule>, town: &[LabelSet]) -> Selections {
    Selections::new(rules, &town.iter().collect::<Vec<_>>()).unwrap()
}

/// Takes a value of the field of this name, if a rule reads it.
fn take(wanted: &mut Wanted<'_>, name: &str, value: Value<'_>) -> Result<(), Unfit> {
    let Some(field) = wanted.field(name) else {
        return Ok(());
    };
    wanted.take_field(field, value).map_err(|(of, unfit)| {
        assert_eq!(of, name);
        unfit
    })
}

struct Grid {
    selections: Selections,
    roster: Roster<Ledger>,
}

impl Grid {
    fn new(rules: Vec<Rule>, town: &[LabelSet]) -> Self {
        let ledgers = town.iter().map(|_| Arc::new(Ledger::new(None)));
        Self {
            selections: selections(rules, town),
            roster: Roster::new(ledgers),
        }
    }

    fn resolve(&self, wanted: &Wanted<'_>) -> Result<Option<Arc<Selection>>, NoMatch> {
        self.selections
            .resolve(wanted, |is_in| self.roster.mask(is_in))
    }

    fn of(
        &self,
        fields: &[(&str, Value<'_>)],
        zone: &str,
    ) -> Result<Option<Arc<Selection>>, NoMatch> {
        let mut wanted = self.selections.wanted(false);
        for (name, value) in fields {
            take(&mut wanted, name, *value).unwrap();
        }
        wanted
            .take_headers(|_| [zone.as_bytes()].into_iter())
            .unwrap();
        self.resolve(&wanted)
    }
}

fn positions(mask: Option<&Mask>) -> Vec<usize> {
    (0..9)
        .filter(|at| mask.is_none_or(|mask| mask.contains(*at)))
        .collect()
}

fn no_match(label: &str, value: &str, is_together: bool) -> NoMatch {
    NoMatch {
        label: label.into(),
        value: value.into(),
        is_together,
    }
}

#[test]
fn a_request_is_restricted_by_what_it_names_and_by_nothing_else() {
    use Value::{Number, Text, Truth, Whole};
    let grid = Grid::new(rules(), &town());
    let needs = |fields: &[(&str, Value<'_>)]| {
        let selection = grid.of(fields, "").unwrap();
        positions(selection.as_deref().and_then(Selection::needs))
    };
    let all = positions(None);
    assert_eq!(needs(&[]), all);
    assert_eq!(needs(&[("connector_type", Text("  "))]), all);
    assert_eq!(needs(&[("other", Truth(true))]), all);
    assert_eq!(needs(&[("connector_type", Text("ccs"))]), [0, 2]);
    assert_eq!(needs(&[("connector_type", Text(" type2\t"))]), [0, 1]);
    assert_eq!(needs(&[("power_kw", Whole(23))]), [0, 2]);
    assert_eq!(needs(&[("power_kw", Number(22.0))]), [0, 1, 2]);
    assert_eq!(needs(&[("power_kw", Text("50.5"))]), [0]);
    let both = [("power_kw", Whole(100)), ("connector_type", Text("type2"))];
    assert_eq!(needs(&both), [0]);
    let words = grid.of(&both, "b").unwrap().unwrap().needs_in_words();
    let said = r#"connector = "type2", power >= "150""#;
    assert_eq!(words.as_deref(), Some(said));
}

#[test]
fn a_preference_is_one_among_what_is_needed_and_refuses_nothing() {
    let grid = Grid::new(rules(), &town());
    let of = |connector, zone| {
        grid.of(&[("connector_type", Value::Text(connector))], zone)
            .unwrap()
    };
    let ccs = of("ccs", "b").unwrap();
    let [(mask, spill_at)] = ccs.preferred() else {
        panic!("{ccs:?}");
    };
    assert_eq!((positions(Some(mask)), *spill_at), (vec![2], Some(0.85)));
    assert_eq!(
        of("type2", "b").unwrap().preferred().len(),
        0,
        "none of them is in it"
    );
    assert_eq!(
        of("type2", "a").unwrap().preferred().len(),
        0,
        "all of them are in it"
    );
    assert!(of("", "nowhere").is_none());
    let zone = of("", "a").unwrap();
    assert_eq!((zone.needs(), zone.number()), (None, 0));
    assert_eq!(zone.values().collect::<Vec<_>>(), [("zone", "a")]);
    assert_eq!(
        of("ccs", "a").unwrap().number(),
        ccs.number(),
        "both can use the same"
    );
}

#[test]
fn what_no_substation_has_is_named_alone_or_as_the_one_that_leaves_none() {
    use Value::{Number, Text};
    let grid = Grid::new(rules(), &town());
    let of = |fields: &[(&str, Value<'_>)]| grid.of(fields, "").map(drop);
    let chademo = ("connector_type", Text("chademo"));
    assert_eq!(of(&[chademo]), Err(no_match("connector", "chademo", false)));
    assert_eq!(
        of(&[("power_kw", Number(150.5)), chademo]),
        Err(no_match("connector", "chademo", false)),
        "the first in the order of the file"
    );
    assert_eq!(
        of(&[("power_kw", Number(150.5))]),
        Err(no_match("power", "150.5", false))
    );
    for _ in 0..2 {
        assert_eq!(
            of(&[("power_kw", Number(140.5)), ("connector_type", Text("ccs"))]).map(drop),
            Ok(())
        );
        let slow_type2 = {
            let mut town = town();
            town[0] = labels(&[("connector", "ccs"), ("power", "150")]);
            Grid::new(rules(), &town)
        };
        let fast = [
            ("power_kw", Number(40.5)),
            ("connector_type", Text("type2")),
        ];
        assert_eq!(
            slow_type2.of(&fast, "").map(drop),
            Err(no_match("power", "40.5", true))
        );
    }
    let list = [("connector_type", Text("ccs,type2"))];
    assert_eq!(
        of(&list),
        Err(no_match("connector", "ccs,type2", false)),
        "it is one value"
    );
    let long = format!("\n{}", "x".repeat(250));
    let NoMatch { value, .. } = of(&[("connector_type", Text(&format!("y{long}")))]).unwrap_err();
    assert!(
        value.starts_with("y\\nxx") && value.ends_with("bytes more)"),
        "{value}"
    );
}

#[test]
fn what_one_substation_lacks_is_named() {
    let grid = Grid::new(rules(), &town());
    let fields = [
        ("power_kw", Value::Whole(40)),
        ("connector_type", Value::Text("ccs")),
    ];
    let selection = grid.of(&fields, "a").unwrap().unwrap();
    let lacking = |at| grid.selections.lacking(&selection, at);
    assert_eq!(lacking(0), None);
    assert_eq!(lacking(1), Some(no_match("connector", "ccs", false)));
    assert_eq!(lacking(2), None, "another zone is no lack");
    assert_eq!(lacking(3), Some(no_match("connector", "ccs", false)));
}

#[test]
fn while_there_are_no_substations_nothing_is_amiss() {
    let grid = Grid::new(rules(), &[]);
    let selection = grid
        .of(&[("connector_type", Value::Text("ccs"))], "a")
        .unwrap();
    assert!(selection.unwrap().needs().unwrap().is_empty());
}

#[test]
fn numbers_and_truth_values_stand_for_their_text() {
    use Value::{Number, Text, Truth, Whole};
    let text = |value: Value<'_>| {
        let town = [labels(&[("l", "150,true,0,0.5,18446744073709551615")])];
        let grid = Grid::new(vec![rule("l", field("f"))], &town);
        grid.of(&[("f", value)], "").is_ok()
    };
    for same in [
        Whole(150),
        Number(150.0),
        Number(1.5e2),
        Text("150"),
        Truth(true),
        Text("true"),
        Whole(0),
        Number(-0.0),
        Number(0.5),
        Whole(u64::MAX),
    ] {
        assert!(text(same), "{same:?}");
    }
    for other in [
        Text("150.0"),
        Text("TRUE"),
        Number(-0.5),
        Truth(false),
        Number(150.5),
    ] {
        assert!(!text(other), "{other:?}");
    }
}

#[test]
fn what_can_not_be_a_value_is_refused() {
    let selections = selections(rules(), &town());
    let mut wanted = selections.wanted(false);
    let long = "x".repeat(1025);
    for (name, value, unfit) in [
        ("connector_type", Value::Text(&long), Unfit::TooLong),
        ("power_kw", Value::Text("fast"), Unfit::NoNumber),
        ("power_kw", Value::Text("inf"), Unfit::NoNumber),
        ("power_kw", Value::Truth(true), Unfit::NoNumber),
    ] {
        assert_eq!(
            take(&mut wanted, name, value),
            Err(unfit),
            "{name} {value:?}"
        );
    }
    assert_eq!(take(&mut wanted, "power_kw", Value::Whole(1)), Ok(()));
    assert_eq!(
        take(&mut wanted, "power_kw", Value::Whole(1)),
        Err(Unfit::Twice)
    );
    let twice = wanted.take_headers(|_| [&b"a"[..], b"a"].into_iter());
    assert_eq!(twice, Err(("x-zone", Unfit::Twice)));
}

#[test]
fn a_digest_tells_needs_and_fields_apart_and_no_preference_in_a_header() {
    let digest = |rules: Vec<Rule>, connector: &str, zone: &str| {
        let selections = selections(rules, &town());
        let mut wanted = selections.wanted(true);
        take(&mut wanted, "connector_type", Value::Text(connector)).unwrap();
        wanted
            .take_headers(|_| [zone.as_bytes()].into_iter())
            .unwrap();
        wanted.digest()
    };
    let ccs = digest(rules(), "ccs", "");
    assert!(ccs.is_some());
    assert_eq!(digest(rules(), "", ""), None);
    assert_eq!(digest(rules(), "ccs", "a"), ccs);
    assert_ne!(digest(rules(), "type2", ""), ccs);
    assert_ne!(digest(rules(), "unknown", ""), ccs);
    let mut other = rules();
    other.reverse();
    assert_eq!(digest(other.clone(), "ccs", ""), ccs);
    other[1].is_preference = false;
    assert_ne!(digest(other, "ccs", "a"), ccs, "a need");
}

#[test]
fn what_clients_send_grows_nothing() {
    let town: Vec<_> = (0..40)
        .map(|at| {
            let (a, b) = (at.to_string(), (at % 7).to_string());
            labels(&[("a", a.as_str()), ("b", b.as_str()), ("c", a.as_str())])
        })
        .collect();
    let preferred = |label| Rule {
        is_preference: true,
        ..rule(label, field(label))
    };
    let grid = Grid::new(
        vec![rule("b", field("b")), preferred("a"), preferred("c")],
        &town,
    );
    for a in 0..10_000 {
        let value = a.to_string();
        let (b, c) = ((a % 9).to_string(), (a / 40 % 40).to_string());
        let fields = [
            ("a", Value::Text(&value)),
            ("b", Value::Text(&b)),
            ("c", Value::Text(&c)),
        ];
        drop(grid.of(&fields, ""));
        let needed = [
            ("a", Value::Text(&c)),
            ("b", Value::Text(&b)),
            ("c", Value::Text(&c)),
        ];
        drop(grid.of(&needed, ""));
    }
    let kept = grid.selections.cache.count();
    assert!((40..=1024).contains(&kept), "{kept}");
    let one = || grid.of(&[("b", Value::Text("1"))], "").unwrap().unwrap();
    assert!(Arc::ptr_eq(&one(), &one()));
}
