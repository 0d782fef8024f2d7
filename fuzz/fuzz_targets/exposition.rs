//! No page makes the scan panic, a cut page never yields another number, a page in parts says the same, and the slow
//! parser agrees.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use switchyard_gauge::{
    exposition::{Aggregate, Found, PartialScan, Wanted, scan},
    reference,
};

const MATCHERS: &[(&str, bool, &str)] = &[("a", true, "b\n"), ("c", false, "")];

static WANTED: LazyLock<[Wanted; 2]> = LazyLock::new(|| {
    let owned = MATCHERS
        .iter()
        .map(|&(l, equal, v)| (l.to_owned(), equal, v.to_owned()));
    [Wanted::new("load", []), Wanted::new("load", owned)]
});

fn found(page: &[u8], complete: bool) -> [Found; 2] {
    let [any, matching] = &*WANTED;
    scan(page, complete, [any, matching])
}

/// The same for a page that comes in parts of this length.
fn found_in_parts(page: &[u8], length: usize) -> [Found; 2] {
    let [any, matching] = &*WANTED;
    let mut scan = PartialScan::new([any, matching]);
    let mut kept = Vec::new();
    for part in page.chunks(length) {
        kept.extend_from_slice(part);
        let (_, read) = scan.read(&kept);
        kept.drain(..read);
    }
    scan.end(&kept, true)
}

fn same(left: Found, right: Found) -> bool {
    match (left, right) {
        (Found::Unusable(left), Found::Unusable(right)) if left.is_nan() => right.is_nan(),
        _ => left == right,
    }
}

// The last byte says where the page is cut, so that a seed can be a plain page.
fuzz_target!(|data: &[u8]| {
    let Some((&control, page)) = data.split_last() else {
        return;
    };
    let whole = found(page, true);

    // A page whose last line is finished needs no framing to be trusted.
    let ended = found(&[page, b"\n# load 1\nload_kw 2"].concat(), false);
    assert!(
        whole
            .iter()
            .zip(ended)
            .all(|(&whole, ended)| same(whole, ended))
    );

    // A line that is longer than is kept counts as malformed, or is skipped.
    if page.len() < 16 * 1024 {
        let parts = found_in_parts(page, usize::from(control) + 1);
        assert!(
            whole
                .iter()
                .zip(parts)
                .all(|(&whole, parts)| same(whole, parts))
        );
    }

    let cut = page.len() * usize::from(control) / 256;
    for (whole, cut) in whole.into_iter().zip(found(&page[..cut], false)) {
        // The missing rest can make a number doubtful, but cannot change it.
        let known = matches!(whole, Found::Missing | Found::One(_) | Found::Unusable(_));
        assert!(
            !known || cut == Found::Missing || same(cut, whole),
            "{cut:?}, not {whole:?}"
        );
    }

    if let Ok(page) = std::str::from_utf8(page) {
        for aggregate in [Aggregate::Nothing, Aggregate::Sum, Aggregate::Max] {
            for (wanted, matchers) in WANTED.iter().zip([&[], MATCHERS]) {
                let wanted = wanted.clone().aggregated(aggregate);
                let [fast] = scan(page.as_bytes(), true, [&wanted]);
                let slow = reference::find(page, "load", matchers, aggregate);
                assert!(same(fast, slow), "{fast:?}, slowly {slow:?}");
            }
        }
    }
});
