//! Tables of pages, properties, and comparisons with a slow second parser.

use super::{Aggregate, Found, PartialScan, Wanted, scan};
use crate::reference;
use proptest::prelude::*;
use std::fmt::Write as _;

fn load() -> Wanted {
    Wanted::new("load", [])
}

type Matchers<'a> = &'a [(&'a str, bool, &'a str)];

fn matching(matchers: Matchers<'_>) -> Wanted {
    let owned = matchers
        .iter()
        .map(|&(l, equal, v)| (l.to_owned(), equal, v.to_owned()));
    Wanted::new("load", owned)
}

fn complete(page: impl AsRef<[u8]>, wanted: &Wanted) -> Found {
    let [found] = scan(page.as_ref(), true, [wanted]);
    found
}

/// Equal as results, where NaN is NaN.
fn same(left: Found, right: Found) -> bool {
    match (left, right) {
        (Found::Unusable(left), Found::Unusable(right)) if left.is_nan() => right.is_nan(),
        _ => left == right,
    }
}

#[test]
fn reads_the_value_of_a_line() {
    use Found::{Malformed, One, Unusable};
    check(&[
        // Numbers.
        ("load 2.9\n", One(2.9)),
        ("load 1.5e+06\n", One(1.5e6)),
        ("load 1E3\n", One(1000.0)),
        ("load 5e-324\n", One(5e-324)),
        ("load +7\n", One(7.0)),
        ("load .5\n", One(0.5)),
        ("load 5.\n", One(5.0)),
        ("load 0\n", One(0.0)),
        ("load 9007199254740993\n", One(9_007_199_254_740_992.0)),
        // Numbers that are no load.
        ("load -1\n", Unusable(-1.0)),
        ("load NaN\n", Unusable(f64::NAN)),
        ("load nan\n", Unusable(f64::NAN)),
        ("load +Inf\n", Unusable(f64::INFINITY)),
        ("load -Inf\n", Unusable(f64::NEG_INFINITY)),
        ("load infinity\n", Unusable(f64::INFINITY)),
        ("load 1e999\n", Unusable(f64::INFINITY)),
        // No numbers.
        ("load\n", Malformed),
        ("load \n", Malformed),
        ("load x\n", Malformed),
        ("load 0x10\n", Malformed),
        ("load 0x1p-2\n", Malformed),
        ("load 1_000\n", Malformed),
        ("load 1,5\n", Malformed),
        ("load 1e\n", Malformed),
        ("load 1e+\n", Malformed),
        ("load .\n", Malformed),
        ("load +\n", Malformed),
        ("load --1\n", Malformed),
        ("load +NaN\n", Malformed),
        ("load infinite\n", Malformed),
        ("load \u{0661}\n", Malformed),
        ("load 1 kW\n", Malformed),
    ]);
}

#[test]
fn reads_no_more_than_the_formats_allow_around_it() {
    use Found::{Malformed, Missing, One};
    check(&[
        // Timestamps and exemplars.
        ("load 3 1700000000123\n", One(3.0)),
        ("load 3 -1\n", One(3.0)),
        ("load 3 1700000000.123\n", One(3.0)),
        ("load 3 1700000000 4\n", Malformed),
        ("load 3 NaN\n", Malformed),
        ("load 3 # {trace_id=\"a b # c\"} 0.67\n", One(3.0)),
        ("load 3 1700 # {} 0.67 1700.5\n", One(3.0)),
        ("load{a=\"b\"} 3 # {t=\"}\"} 1\n", One(3.0)),
        ("load 3 # comment\n", Malformed),
        ("load 3 # {t=\"a\"}\n", Malformed),
        // Blanks and line ends.
        ("load\t3\n", One(3.0)),
        (" \t load   3 \t 17 \n", One(3.0)),
        ("load 3\r\n", One(3.0)),
        ("load{} 3\r\n", One(3.0)),
        ("load 3 17\r\n", One(3.0)),
        ("load 3\r\r\n", Malformed),
        ("load 3\r17\n", Malformed),
        ("load\r\n", Malformed),
        ("\n\n\nload 3\n\n", One(3.0)),
        // Labels.
        ("load{} 3\n", One(3.0)),
        ("load {a=\"b\"} 3\n", One(3.0)),
        ("load{a=\"b\"}3\n", One(3.0)),
        ("load{ a = \"b\" , c = \"d\" , } 3\n", One(3.0)),
        ("load{a=\"{,}= \\\" \\\\\"} 3\n", One(3.0)),
        ("load{\"a.b\"=\"c\"} 3\n", One(3.0)),
        ("load{a=\"b\" 3\n", Malformed),
        ("load{a=\"b} 3\n", Malformed),
        ("load{a=\"b\\\"} 3\n", Malformed),
        ("load{a=b} 3\n", Malformed),
        ("load{a} 3\n", Malformed),
        ("load{,} 3\n", Malformed),
        ("load{a=\"b\",,} 3\n", Malformed),
        ("load{a=\"b\"c=\"d\"} 3\n", Malformed),
        ("load{1a=\"b\"} 3\n", Malformed),
        ("load{a=\"b\"} {c=\"d\"} 3\n", Malformed),
        ("load{a=\"b\"}\n", Malformed),
        // Not this series.
        ("", Missing),
        ("load_kw 3\n", Missing),
        ("load:sum 3\n", Missing),
        ("load2 3\n", Missing),
        ("Load 3\n", Missing),
        ("load.x 3\n", Missing),
        ("load\u{e9} 3\n", Missing),
        ("site_load 3\n", Missing),
        ("# load 3\n", Missing),
        ("#load 3\n", Missing),
        ("# HELP load load 3\n# TYPE load gauge\n", Missing),
        ("# HELP other says\\nload 3\n", Missing),
        ("other{a=\"x\\nload 3\"} 4\n", Missing),
        ("other 4\rload 3\n", Missing),
        ("<html>load 3</html>\n", Missing),
        // One series among others.
        (
            "load_kw 1\n# HELP load load 2\n# TYPE load gauge\nload 3\nload2 4\n",
            One(3.0),
        ),
        ("loadload 1\nload 3\n", One(3.0)),
        (
            "other{load=\"1\",a=\"load 2\"} 4\nload 3\n# EOF\n",
            One(3.0),
        ),
        ("load 3\n# EOF", One(3.0)),
        ("load 3", One(3.0)),
    ]);
}

fn check(table: &[(&str, Found)]) {
    for &(page, expected) in table {
        let found = complete(page, &load());
        assert!(
            same(found, expected),
            "{page:?}: {found:?}, not {expected:?}"
        );
    }
}

#[test]
fn minus_zero_is_zero() {
    let Found::One(value) = complete("load -0\n", &load()) else {
        panic!("no value")
    };
    assert!(value.is_sign_positive());
}

#[test]
fn matchers_choose_among_label_sets() {
    use Found::{Ambiguous, Malformed, Missing, One};
    let page = "load 1\nload{site=\"a\"} 2\nload{site=\"b\",zone=\"x\"} 3\nload{site=\"q\\\"\\\\\\n,}\"} 4\n";
    let table: &[(Matchers<'_>, Found)] = &[
        (&[], Ambiguous(4)),
        (&[("site", true, "a")], One(2.0)),
        (&[("site", true, "b")], One(3.0)),
        (&[("site", true, "c")], Missing),
        (&[("site", true, "")], One(1.0)),
        (&[("site", true, "q\"\\\n,}")], One(4.0)),
        (&[("site", true, "q\\\"\\\\\\n,}")], Missing),
        (&[("site", false, "a")], Ambiguous(3)),
        (&[("zone", true, "x"), ("site", true, "b")], One(3.0)),
        (&[("zone", true, "x"), ("site", true, "a")], Missing),
        (&[("zone", false, "")], One(3.0)),
        (
            &[
                ("site", false, "b"),
                ("site", false, ""),
                ("site", false, "q\"\\\n,}"),
            ],
            One(2.0),
        ),
        (&[("sit", true, "")], Ambiguous(4)),
    ];
    for &(matchers, expected) in table {
        assert_eq!(
            complete(page, &matching(matchers)),
            expected,
            "{matchers:?}"
        );
    }
    let site = [("site", true, "a")];
    for (page, expected) in [
        ("load{site=\"a\",site=\"b\"} 1\n", Malformed),
        ("load{site=\"a\",site=\"a\"} 1\n", Malformed),
        ("load{site=\"a} 1\n", Malformed),
        // Another label set may be wrong in its value, but not in its labels.
        ("load{site=\"b\"} x\nload{site=\"a\"} 1\n", One(1.0)),
        ("load{site=\"b} 2\nload{site=\"a\"} 1\n", Malformed),
        ("load{\"site\"=\"a\"} 1\n", One(1.0)),
        ("load{site=\"\\a\"} 1\n", Missing),
        ("load 1\n", Missing),
        ("load{} 1\n", Missing),
    ] {
        assert_eq!(complete(page, &matching(&site)), expected, "{page:?}");
    }
    assert_eq!(
        complete(
            "load{site=\"\\d\"} 1\n",
            &matching(&[("site", true, "\\d")])
        ),
        One(1.0)
    );
}

#[test]
fn equal_values_are_as_ambiguous_as_different_ones() {
    assert_eq!(complete("load 1\nload 1\n", &load()), Found::Ambiguous(2));
    assert_eq!(
        complete("load 1\nload{a=\"b\"} 2\n", &load()),
        Found::Ambiguous(2)
    );
    assert_eq!(complete("load 1\nload NaN\n", &load()), Found::Ambiguous(2));
}

#[test]
fn several_series_add_up_only_if_an_aggregate_is_configured() {
    use Aggregate::{Max, Nothing, Sum};
    use Found::{Ambiguous, Malformed, Missing, One, Unusable};
    let table: &[(&str, Aggregate, Found)] = &[
        ("load 1\nload{a=\"b\"} 2.5\n", Nothing, Ambiguous(2)),
        ("load 1\nload{a=\"b\"} 2.5\n", Sum, One(3.5)),
        ("load 1\nload{a=\"b\"} 2.5\n", Max, One(2.5)),
        ("load{a=\"b\"} 2.5\nload 1\n", Max, One(2.5)),
        ("load 7\n", Sum, One(7.0)),
        ("load 7\n", Max, One(7.0)),
        ("load_kw 7\n", Sum, Missing),
        ("load_kw 7\n", Max, Missing),
        // A part that is not a load makes the whole unusable, wherever it is.
        ("load 1\nload NaN\nload 2\n", Sum, Unusable(f64::NAN)),
        ("load 1\nload NaN\nload 2\n", Max, Unusable(f64::NAN)),
        ("load -1\nload 2\n", Sum, Unusable(-1.0)),
        ("load 2\nload -1\n", Max, Unusable(-1.0)),
        ("load 2\nload +Inf\n", Sum, Unusable(f64::INFINITY)),
        ("load 2\nload +Inf\n", Max, Unusable(f64::INFINITY)),
        ("load 2\nload x\n", Sum, Malformed),
        ("load 2\nload x\n", Max, Malformed),
        // Each is a load, but their sum is not.
        ("load 1e308\nload 1e308\n", Sum, Unusable(f64::INFINITY)),
        ("load 1e308\nload 1e308\n", Max, One(1e308)),
    ];
    for &(page, aggregate, expected) in table {
        let found = complete(page, &load().aggregated(aggregate));
        assert!(
            same(found, expected),
            "{aggregate:?} of {page:?}: {found:?}"
        );
    }
    let site = [("site", false, "b")];
    let page = "load{site=\"a\"} 1\nload{site=\"b\"} x\nload{site=\"c\"} 3\n";
    assert_eq!(
        complete(page, &matching(&site).aggregated(Sum)),
        One(4.0),
        "a series that no matcher selects is neither added nor checked"
    );
}

#[test]
fn a_sum_of_two_names_needs_both() {
    use Aggregate::{Max, Nothing, Sum};
    use Found::{Ambiguous, Malformed, Missing, One, Partial, Unusable};
    let waiting = || Wanted::new("waiting", [("a".to_owned(), false, "b".to_owned())]);
    for (page, aggregate, expected) in [
        ("load 1\nwaiting 2.5\n", Nothing, One(3.5)),
        ("waiting 2.5\nload 1\n", Nothing, One(3.5)),
        ("waiting 0\nload 0\n", Nothing, One(0.0)),
        ("load 1\n", Nothing, Missing),
        ("waiting 1\n", Nothing, Missing),
        ("load 1\nwaiting{a=\"b\"} 1\n", Nothing, Missing),
        (
            "load 1\nwaiting 1\nwaiting{c=\"d\"} 1\n",
            Nothing,
            Ambiguous(2),
        ),
        ("load 1\nwaiting 1\nwaiting{c=\"d\"} 2\n", Sum, One(4.0)),
        ("load 1\nwaiting 1\nwaiting{c=\"d\"} 2\n", Max, One(3.0)),
        ("load 1\nwaiting NaN\n", Nothing, Unusable(f64::NAN)),
        ("load x\nwaiting 1\n", Nothing, Malformed),
        (
            "load 1e308\nwaiting 1e308\n",
            Nothing,
            Unusable(f64::INFINITY),
        ),
    ] {
        let wanted = load()
            .aggregated(aggregate)
            .plus(waiting().aggregated(aggregate));
        let found = complete(page, &wanted);
        assert!(
            same(found, expected),
            "{aggregate:?} of {page:?}: {found:?}"
        );
    }
    let sums = load().aggregated(Sum).plus(waiting().aggregated(Sum));
    assert_eq!(scan(b"load 1\nwaiting 2\n", false, [&sums]), [Partial]);
    let three = load().plus(waiting()).plus(Wanted::new("held", []));
    let long = "x".repeat(100_000);
    for (page, expected) in [
        ("held 4\nwaiting 2\nload 1\n".to_owned(), One(7.0)),
        (format!("held 4\nwaiting {long}\nload 1\n"), Malformed),
    ] {
        for length in [1, 7, 5000] {
            let [found, _] = in_parts(page.as_bytes(), &[length], true, [&three, &load()]);
            assert_eq!(found, expected, "in parts of {length}");
        }
    }
}

#[test]
fn a_page_that_may_have_been_cut_has_no_sum_and_no_maximum() {
    for aggregate in [Aggregate::Sum, Aggregate::Max] {
        let wanted = load().aggregated(aggregate);
        for page in ["load 1\nload 2\n", "load 1\n", "load 1\n# EOF\n"] {
            assert_eq!(
                scan(page.as_bytes(), false, [&wanted]),
                [Found::Partial],
                "{page:?}"
            );
        }
        assert_eq!(scan(b"other 1\n", false, [&wanted]), [Found::Missing]);
    }
}

#[test]
fn finds_several_series_in_one_page() {
    let [load, capacity, missing] = [
        "substation_current_load",
        "substation_capacity",
        "substation",
    ]
    .map(|name| Wanted::new(name, []));
    let page = b"substation_capacity 50\nsubstation_current_load 7\n";
    let found = scan(page, false, [&load, &capacity, &missing, &load]);
    assert_eq!(
        found,
        [
            Found::One(7.0),
            Found::One(50.0),
            Found::Missing,
            Found::One(7.0)
        ]
    );
}

#[test]
fn an_unfinished_last_line_counts_only_on_a_complete_page() {
    for page in [
        "load 12",
        "load 12 ",
        "load 12 17",
        "load 12\r",
        "other 1\nload 12",
        "load",
    ] {
        assert_eq!(
            scan(page.as_bytes(), false, [&load()]),
            [Found::Missing],
            "{page:?}"
        );
    }
    assert_eq!(
        scan(b"load 3\nload 12", false, [&load()]),
        [Found::One(3.0)]
    );
    assert_eq!(scan(b"load 3\n# EOF", false, [&load()]), [Found::One(3.0)]);
    assert_eq!(complete("load 12", &load()), Found::One(12.0));
}

#[test]
fn an_empty_name_is_never_found() {
    assert_eq!(complete(" 3\n{} 4\n", &Wanted::new("", [])), Found::Missing);
}

/// A connection may break at any byte of a page; the part that arrived must not yield another number.
fn assert_no_cut_lies(page: &[u8], wanted: &Wanted) {
    let whole = complete(page, wanted);
    for end in 0..page.len() {
        let [found] = scan(&page[..end], false, [wanted]);
        assert!(
            found == Found::Missing || same(found, whole),
            "{found:?}, not {whole:?}, after {:?}",
            String::from_utf8_lossy(&page[..end])
        );
    }
}

#[test]
fn no_cut_of_a_page_tells_another_number() {
    let head = "# HELP load Power drawn, load 9.\n# TYPE load gauge\nload_kw 8\n";
    for line in [
        "load 123.456e+1 1700000000",
        "load{a=\"load 5\",b=\"\\n\"} 123 # {t=\"1\"} 5",
        "load NaN",
    ] {
        for end in ["\n", "\r\n"] {
            let page = format!("{head}{line}{end}other 7{end}# EOF{end}");
            assert_no_cut_lies(page.as_bytes(), &load());
        }
    }
}

/// Any label value, often one that could confuse a scan.
/// Scans a page that comes in parts of these lengths. The scan keeps less than a part and the longest line.
fn in_parts(page: &[u8], lengths: &[usize], complete: bool, wanted: [&Wanted; 2]) -> [Found; 2] {
    let mut scan = PartialScan::new(wanted);
    let (mut ahead, mut kept, mut whole) = (page, Vec::new(), Vec::new());
    for length in lengths.iter().cycle() {
        let (part, behind) = ahead.split_at(ahead.len().min(*length));
        kept.extend_from_slice(part);
        if part.is_empty() {
            break;
        }
        let (lines, read) = scan.read(&kept);
        whole.extend_from_slice(lines);
        kept.drain(..read);
        assert!(kept.len() < 16 * 1024 + length);
        ahead = behind;
    }
    assert!(page.starts_with(&whole) || page.len() > 16 * 1024);
    scan.end(&kept, complete)
}

#[test]
fn a_line_without_end_is_not_kept_and_hides_only_its_own_series() {
    let long = "x".repeat(100_000);
    let other = matching(&[("a", true, "b")]);
    for (page, expected) in [
        (
            format!("load 1\n{long}\nload{{a=\"b\"}} 2\n"),
            [Found::Ambiguous(2), Found::One(2.0)],
        ),
        (
            format!("load 1\n# {long} load 7"),
            [Found::One(1.0), Found::Missing],
        ),
        (
            format!("load2{{a=\"{long}\"}} 7\nload 1\n"),
            [Found::One(1.0), Found::Missing],
        ),
        // Its value is not known, so neither is whether it is the only one.
        (
            format!("load{{a=\"{long}\"}} 7\nload 1\n"),
            [Found::Malformed; 2],
        ),
        (format!("load 1\n \tload {long}"), [Found::Malformed; 2]),
    ] {
        for lengths in [&[1_000][..], &[7_000, 13], &[16_384], &[16_383, 1]] {
            let found = in_parts(page.as_bytes(), lengths, true, [&load(), &other]);
            assert_eq!(found, expected, "{} in {lengths:?}", &page[..10]);
        }
    }
}

fn label_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a\"\\\\\n{},= #]{0,6}",
        Just("\nload 3\n".to_owned())
    ]
}

fn labels() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::btree_map("[a-c_][a-z0-9_]{0,2}", label_value(), 0..4)
        .prop_map(|labels| labels.into_iter().collect())
}

fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "# HELP load [ -~]{0,20}",
        "# [ -~]{0,20}",
        "load[a-z_:][a-z]{0,3} [0-9]{1,3}",
        "[a-km-z]load(\\{load=\"load 3\"\\})? [0-9]{1,3}",
        "[ -~&&[^l ]][ -~]{0,30}",
    ]
}

fn print(labels: &[(String, String)], value: f64, blank: &str, brace: bool) -> String {
    let mut line = format!("{blank}load");
    if brace || !labels.is_empty() {
        line.push('{');
        for (name, value) in labels {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(line, "{blank}{name}{blank}={blank}\"{value}\"{blank},");
        }
        line.push('}');
    }
    format!("{line} {blank}{value:?}{blank}")
}

proptest! {
    #[test]
    fn what_was_printed_is_read(
        before in proptest::collection::vec(noise(), 0..6),
        after in proptest::collection::vec(noise(), 0..6),
        labels in labels(),
        value in 0.0..f64::MAX,
        blank in "[ \t]{0,2}",
        brace: bool,
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let mut lines = before;
        lines.push(print(&labels, value, &blank, brace));
        lines.extend(after);
        let page = lines.join(end) + end;
        // Every label that was printed, and later one that was not.
        let mut wanted: Vec<_> = labels.iter().map(|(l, v)| (l.clone(), true, v.clone())).collect();
        prop_assert_eq!(complete(&page, &Wanted::new("load", wanted.clone())), Found::One(value));
        prop_assert_eq!(complete(&page, &load()), Found::One(value));
        wanted.push(("absent".to_owned(), false, String::new()));
        prop_assert_eq!(complete(&page, &Wanted::new("load", wanted)), Found::Missing);
        assert_no_cut_lies(page.as_bytes(), &load());
    }

    #[test]
    fn agrees_with_the_slow_parser(
        page in proptest::collection::vec("(load|loa|[ a\t\r#{}\",=\\\\+.eE0-9n_-]|\\{a=\"|\"\\}|NaN|Inf){0,12}", 0..5),
        ended: bool,
        matched: bool,
    ) {
        let page = page.join("\n") + if ended { "\n" } else { "" };
        let matchers: Matchers<'_> = if matched { &[("a", true, "n")] } else { &[] };
        let (fast, slow) = (complete(&page, &matching(matchers)), reference::find(&page, "load", matchers, Aggregate::Nothing));
        prop_assert!(same(fast, slow), "{:?}: {:?}, slowly {:?}", page, fast, slow);
    }

    #[test]
    fn mutated_lines_agree_with_the_slow_parser(
        labels in labels(),
        value in any::<f64>(),
        at in any::<proptest::sample::Index>(),
        put in proptest::option::of("[ -~\r\n]"),
        blank in "[ \t]?",
    ) {
        let line = print(&labels, value, &blank, true) + " 17 # {t=\"u\"} 5\nload2 4\n";
        let mut chars: Vec<char> = line.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..=at, put.iter().flat_map(|put| put.chars()));
        let page: String = chars.into_iter().collect();
        for (wanted, matchers) in [(load(), &[][..]), (matching(&[("a", true, "")]), &[("a", true, "")])] {
            let (fast, slow) = (complete(&page, &wanted), reference::find(&page, "load", matchers, Aggregate::Nothing));
            prop_assert!(same(fast, slow), "{:?}: {:?}, slowly {:?}", page, fast, slow);
        }
    }

    #[test]
    fn several_series_add_up_to_what_the_slow_parser_says(
        lines in proptest::collection::vec(
            prop_oneof![
                4 => (labels(), prop_oneof![0.0..1e9, any::<f64>()], "[ \t]{0,2}")
                    .prop_map(|(labels, value, blank)| print(&labels, value, &blank, false)),
                1 => noise(),
                1 => "load(\\{a=\"\"\\})? [0-9.x-]{0,4}",
            ],
            0..6,
        ),
    ) {
        let page = lines.join("\n") + "\n";
        for aggregate in [Aggregate::Nothing, Aggregate::Sum, Aggregate::Max] {
            for matchers in [&[][..], &[("a", true, "")]] {
                let fast = complete(&page, &matching(matchers).aggregated(aggregate));
                let slow = reference::find(&page, "load", matchers, aggregate);
                prop_assert!(same(fast, slow), "{:?} of {:?}: {:?}, slowly {:?}", aggregate, page, fast, slow);
            }
        }
    }

    #[test]
    fn a_page_in_parts_says_the_same(
        lines in proptest::collection::vec(
            prop_oneof![
                1 => (labels(), 0.0..1e9).prop_map(|(labels, value)| print(&labels, value, "", false)),
                2 => noise(),
            ],
            0..6,
        ),
        ended: bool,
        lengths in proptest::collection::vec(1_usize..30, 1..10),
        complete: bool,
    ) {
        let page = lines.join("\n") + if ended { "\n" } else { "" };
        let wanted = [&load().aggregated(Aggregate::Sum), &matching(&[("a", true, "")])];
        let parts = in_parts(page.as_bytes(), &lengths, complete, wanted);
        let whole = scan(page.as_bytes(), complete, wanted);
        prop_assert!(same(parts[0], whole[0]) && same(parts[1], whole[1]), "{:?}: {:?} and {:?}", page, parts, whole);
    }

    #[test]
    fn no_bytes_make_it_panic(page: Vec<u8>, tail: Vec<u8>, complete: bool) {
        let page = [&page[..], b"\nload{", &tail[..]].concat();
        let _ = scan(&page, complete, [&load(), &matching(&[("a", true, "b")])]);
    }
}
