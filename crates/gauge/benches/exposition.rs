//! The cost of scanning a metrics page, as a substation or an exporter with many series sends it.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::fmt::Write as _;
use switchyard_gauge::exposition::{Found, Wanted, scan};

fn main() {
    divan::main();
}

fn wanted() -> [Wanted; 2] {
    [
        Wanted::new("substation_current_load", []),
        Wanted::new("substation_capacity", []),
    ]
}

/// A page of about `lines` lines, the gauges in the middle, among series that look like a client library's.
fn page(lines: usize) -> String {
    let mut page = String::new();
    let noise = |page: &mut String, range: std::ops::Range<usize>| {
        for n in range {
            if n % 8 == 0 {
                page.push_str("# HELP substation_sessions_total Sessions by outcome, see substation_current_load.\n");
                page.push_str("# TYPE substation_sessions_total counter\n");
            } else {
                let _ = writeln!(
                    page,
                    "substation_sessions_total{{outcome=\"accepted\",code=\"{n}\"}} {n}.5"
                );
            }
        }
    };
    noise(&mut page, 0..lines / 2);
    page.push_str(
        "# HELP substation_current_load Power drawn.\n# TYPE substation_current_load gauge\n",
    );
    page.push_str("substation_current_load 123.5\n");
    page.push_str("# HELP substation_capacity Power at most.\n# TYPE substation_capacity gauge\n");
    page.push_str("substation_capacity 1.5e+06\n");
    noise(&mut page, lines / 2..lines);
    page
}

#[divan::bench(args = [0, 20, 200, 2000])]
fn both_gauges(bencher: Bencher<'_, '_>, lines: usize) {
    let [load, capacity] = wanted();
    let page = page(lines);
    assert_eq!(
        scan(page.as_bytes(), true, [&load, &capacity]),
        [Found::One(123.5), Found::One(1.5e6)]
    );
    bencher
        .counter(BytesCount::new(page.len()))
        .bench_local(|| scan(black_box(page.as_bytes()), true, [&load, &capacity]));
}

/// The name is on every line, and only the labels of the last line match.
#[divan::bench(args = [200])]
fn one_of_many_label_sets(bencher: Bencher<'_, '_>, lines: usize) {
    let wanted = Wanted::new("load", [("site".to_owned(), true, "s199".to_owned())]);
    let page = (0..lines).fold(String::new(), |mut page, n| {
        let _ = writeln!(page, "load{{zone=\"north\",site=\"s{n}\"}} {n}");
        page
    });
    assert_eq!(scan(page.as_bytes(), true, [&wanted]), [Found::One(199.0)]);
    bencher
        .counter(BytesCount::new(page.len()))
        .bench_local(|| scan(black_box(page.as_bytes()), true, [&wanted]));
}
