//! Metrics pages as they are read.

use super::*;

pub(in crate::watch) fn station(accepted: u64, refused: u64) -> SubstationPage {
    let page = format!(
        "substation_current_load 11\nsubstation_capacity 100\n\
         substation_charge_requests_total{{result=\"accepted\"}} {accepted}\n\
         substation_charge_requests_total{{result=\"no_capacity\"}} {refused}\n\
         substation_energy_delivered_joules_total 3.6e6\n"
    );
    SubstationPage::read(&page)
}

#[test]
fn a_page_is_read_and_a_missing_load_is_not_zero() {
    let read = station(5, 2);
    assert_eq!((read.load, read.capacity), (Some(11.0), Some(100.0)));
    let counted = read.counted.unwrap();
    assert_eq!((counted.accepted, counted.refused), (5, 2));
    for page in [
        "",
        "substation_current_load NaN\n",
        "substation_current_load -1\n",
    ] {
        assert_eq!(SubstationPage::read(page).load, None, "{page}");
    }
}

#[test]
fn counters_that_a_page_lacks_are_not_zero() {
    let page = "substation_current_load 11\nhttp_requests_total 7\n";
    let read = SubstationPage::read(page);
    assert_eq!((read.counted, read.joules), (None, None));
    assert_eq!(ProxyPage::read(page), ProxyPage(None));
}
