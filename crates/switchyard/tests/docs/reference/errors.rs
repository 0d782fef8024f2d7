//! The table of errors: docs/errors.md.

use std::collections::BTreeMap;

use strum::VariantArray;
use switchyard_wire::{Code, Outcome};

use super::{cells, is_written, row};

/// Whether the same request may be sent again, as the contract decides it.
fn again(code: Code) -> &'static str {
    match code.outcome() {
        _ if code.is_retryable() => "later: `Retry-After`",
        Outcome::Failed => "with the same key",
        _ => "once corrected",
    }
}

/// A row for each code, by status; `when` and `what a client does` are kept.
fn table(kept: &str) -> String {
    let kept: BTreeMap<_, _> = kept
        .lines()
        .map(cells)
        .map(|cells| (cells[1].clone(), cells))
        .collect();
    let mut codes = Code::VARIANTS.to_vec();
    codes.sort_by_key(|code| code.status());
    let mut lines = vec![
        "| status | code | again? | when | what a client does |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for code in codes {
        let name = format!("`{}`", code.name());
        let prose = |at: usize| {
            let cells = kept.get(&name);
            cells.map_or_else(String::new, |cells| cells[at].clone())
        };
        let (when, what) = (prose(3), prose(4));
        lines.push(row(&[
            code.status().to_string(),
            name,
            again(code).to_owned(),
            when,
            what,
        ]));
    }
    lines.join("\n")
}

#[test]
fn the_error_table_is_that_of_the_code() {
    is_written("docs/errors.md", "errors", table);
}
