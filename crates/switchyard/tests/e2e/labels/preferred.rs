//! A preference keeps charges in a zone until it is as full as it may be.

use super::{booked_by, charge, start};
use crate::substations::Substations;

#[test]
fn a_preferred_zone_takes_what_it_can_evenly_and_the_rest_goes_to_others() {
    let substations = Substations::start(&[110.0, 110.0, 110.0, 110.0]);
    let labels = [
        "labels: {zone: a}",
        "labels: {zone: a}",
        "labels: {zone: b}",
        "",
    ];
    let select = "select: {zone: {header: x-zone, prefer: true, spill_at: 0.5}}\n";
    let proxy = start(&substations, &labels, select);
    let loads = || substations.loads();
    let a = "x-zone: a\r\n";
    // Half of 220 kW.
    for _ in 0..10 {
        booked_by(&charge(&proxy, a, r#"{"power_kw": 11, "energy_kwh": 50}"#));
    }
    assert_eq!(loads(), [55.0, 55.0, 0.0, 0.0], "all in the zone, evenly");
    for _ in 0..4 {
        booked_by(&charge(&proxy, a, r#"{"power_kw": 11, "energy_kwh": 50}"#));
    }
    assert_eq!(
        loads(),
        [55.0, 55.0, 22.0, 22.0],
        "what is more goes elsewhere"
    );
    // A preference that nothing has, and none at all, refuse nothing.
    booked_by(&charge(&proxy, "x-zone: nowhere\r\n", ""));
    booked_by(&charge(&proxy, "", ""));
}
