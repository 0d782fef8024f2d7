//! What a request pays for labels: the look-up of what it names, and the choice among what it can use.

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{Ledger, Load, Policy, Reading, Request, Roster, Selector, Standing};
use switchyard_selection::{LabelSet, Rule, Selections, Source, Value};

fn main() {
    divan::main();
}

/// Different needs at work.
const NEEDS: usize = 64;

struct Grid {
    roster: Roster<Ledger>,
    selections: Selections,
    /// What requests name of the first label and of the second.
    named: Vec<[String; 2]>,
}

/// Substations with half of a capacity, and two labels: eight connectors and eight zones.
fn grid(substations: usize) -> Grid {
    let mut rng = Rng::with_seed(1);
    let ledgers = (0..substations).map(|_| {
        let ledger = Ledger::new(Load::new(1e6));
        let load = Load::new(rng.f64() * 5e5).unwrap_or_default();
        let reading = Reading {
            load,
            capacity: None,
        };
        ledger.sample(ledger.scrape_sent(), reading);
        ledger.set_standing(Standing::In);
        ledger.into()
    });
    let roster = Roster::new(ledgers.collect::<Vec<_>>());
    let roster = roster.for_requests_of(Load::new(11.0).unwrap_or_default());
    // The grid puts those with the same labels together.
    let class = |at: usize| at * NEEDS / substations;
    let all: Vec<_> = (0..substations).map(|at| labels(class(at))).collect();
    let rule = |label: &str| Rule {
        label: label.into(),
        source: Source::Field(label.into()),
        is_preference: false,
        spill_at: None,
        is_number: false,
    };
    let rules = vec![rule("connector"), rule("zone")];
    let Some(selections) = Selections::new(rules, &all.iter().collect::<Vec<_>>()) else {
        unreachable!("there are rules");
    };
    let named = (0..NEEDS.min(substations)).map(|at| {
        let own = labels(class(at * substations / NEEDS.min(substations)));
        ["connector", "zone"].map(|label| own.get(label).cloned().unwrap_or_default())
    });
    Grid {
        named: named.collect(),
        roster,
        selections,
    }
}

fn labels(at: usize) -> LabelSet {
    let own = [("connector", at % 8), ("zone", at / 8 % 8)];
    let own = own.map(|(label, value)| (label.to_owned(), format!("value{value}")));
    own.into_iter().collect()
}

impl Grid {
    /// Chooses for the request of this number, as the proxy does.
    fn choose(&self, number: usize, is_selected: bool, selector: &Selector, rng: &mut Rng) -> bool {
        let request = Request::of(Load::new(11.0).unwrap_or_default());
        if !is_selected {
            return selector.reserve(&self.roster, request, rng).is_ok();
        }
        let mut wanted = self.selections.wanted(false);
        let named = self.named.get(number % self.named.len());
        for (label, value) in ["connector", "zone"]
            .into_iter()
            .zip(named.into_iter().flatten())
        {
            if let Some(field) = wanted.field(label) {
                let _ = wanted.take_field(field, Value::Text(value));
            }
        }
        let resolved = self
            .selections
            .resolve(&wanted, |matches| self.roster.mask(matches));
        let Ok(Some(selection)) = resolved else {
            return false;
        };
        let request = Request {
            among: selection.needs(),
            ..request
        };
        selector.reserve(&self.roster, request, rng).is_ok()
    }
}

#[divan::bench(args = [3, 100, 10_000], sample_size = 256)]
fn choose_among_all(bencher: Bencher<'_, '_>, substations: usize) {
    choose(bencher, substations, false);
}

#[divan::bench(args = [3, 100, 10_000], sample_size = 256)]
fn choose_by_labels(bencher: Bencher<'_, '_>, substations: usize) {
    choose(bencher, substations, true);
}

fn choose(bencher: Bencher<'_, '_>, substations: usize, is_selected: bool) {
    let (grid, mut rng) = (grid(substations), Rng::with_seed(1));
    let (selector, mut number) = (Selector::new(Policy::LeastLoad), 0);
    // Each selection is worked out once.
    for number in 0..10 * NEEDS {
        grid.choose(number, is_selected, &selector, &mut rng);
    }
    bencher.bench_local(|| {
        number += 1;
        grid.choose(number, is_selected, &selector, &mut rng)
    });
}

/// A selection that is not kept: its masks are worked out anew.
#[divan::bench(args = [100, 10_000])]
fn work_out_masks(bencher: Bencher<'_, '_>, substations: usize) {
    let grid = grid(substations);
    bencher.bench_local(|| grid.roster.mask(|at| at % 8 == 0));
}
