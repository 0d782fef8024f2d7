//! What the last sample says of each kind of load.

use std::sync::Arc;

use super::{load, reading};
use crate::{Lasts, Ledger, Reservation};

#[test]
fn a_sample_tells_load_that_ends_with_its_answer_from_the_rest() {
    let ledger = Arc::new(Ledger::default());
    assert_eq!(ledger.last_sample(), None, "there was none");
    let of = |units: f64| Reservation::of(Arc::clone(&ledger), load(units));
    let short = of(5.0).lasting(Lasts::Answer);
    let long = of(3.0).lasting(Lasts::Session);
    let untold = of(2.0);
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    let last = ledger.last_sample().unwrap();
    assert_eq!((last.number, last.value), (1, load(40.0)));
    assert_eq!(last.lasting(), load(35.0).micros());
    let seen = last.untold();
    assert_eq!(seen.value, load(35.0).micros());
    assert_eq!(seen.under_way, load(2.0).micros());
    short.booked();
    long.booked();
    untold.booked();
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    let last = ledger.last_sample().unwrap();
    assert_eq!((last.number, last.lasting()), (2, load(40.0).micros()));
    let seen = last.untold();
    assert_eq!((seen.value, seen.under_way), (load(40.0).micros(), 0));
    assert_eq!(seen.booked.least, load(2.0).micros());
    assert_eq!(seen.told_booked.least, load(3.0).micros());
    // A gauge that shows less than what is under way shows none of the rest.
    let _short = of(5.0).lasting(Lasts::Answer);
    ledger.sample(ledger.scrape_sent(), reading(1.0));
    let last = ledger.last_sample().unwrap();
    assert_eq!((last.lasting(), last.untold().value), (0, 0));
}
