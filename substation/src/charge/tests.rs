use super::*;
use crate::config::Config;
use proptest::prelude::*;

fn parsed(body: &[u8]) -> Result<(f64, f64), String> {
    let defaults = Config::new("s", 100.0).check().unwrap();
    parse(body, &defaults)
        .map(|demand| (demand.power.kw(), demand.energy.kwh()))
        .map_err(|invalid| invalid.to_string())
}

#[test]
fn a_field_that_is_absent_has_the_default() {
    assert_eq!(parsed(b""), Ok((11.0, 11.0)));
    assert_eq!(parsed(b"{}"), Ok((11.0, 11.0)));
    assert_eq!(parsed(b" \r\n\t{ } "), Ok((11.0, 11.0)));
    assert_eq!(parsed(br#"{"power_kw": 22}"#), Ok((22.0, 11.0)));
    assert_eq!(
        parsed(br#"{"energy_kwh": 7.5, "other": [{"a": null}]}"#),
        Ok((11.0, 7.5))
    );
    assert_eq!(
        parsed(br#"{"vehicle_id": "caf\u00e9", "power_kw": 3.7e0}"#),
        Ok((3.7, 11.0))
    );
}

#[test]
fn a_body_that_is_no_charge_request_is_refused() {
    let bad: [&[u8]; 26] = [
        b" ",
        b"null",
        b"11",
        b"[]",
        b"[\"v\", 11, 11]",
        b"\"power_kw\"",
        b"{",
        b"{}{}",
        b"{} x",
        b"{\"power_kw\": }",
        b"{\"power_kw\": NaN}",
        b"{\"power_kw\": Infinity}",
        b"{\"power_kw\": 1e999}",
        b"{\"power_kw\": 1e300}",
        b"{\"power_kw\": 0}",
        b"{\"power_kw\": -1}",
        b"{\"power_kw\": 1e-9}",
        b"{\"power_kw\": null}",
        b"{\"power_kw\": \"11\"}",
        b"{\"power_kw\": true}",
        b"{\"power_kw\": 1, \"power_kw\": 2}",
        b"{\"energy_kwh\": -0.0}",
        b"{\"energy_kwh\": null}",
        b"{\"vehicle_id\": 7}",
        b"{\"vehicle_id\": null}",
        b"{\"vehicle_id\": \"\xff\"}",
    ];
    for body in bad {
        assert!(parsed(body).is_err(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_refusal_names_the_field_its_value_and_the_rule() {
    let message = parsed(br#"{"power_kw": -3}"#).unwrap_err();
    assert_eq!(
        message,
        "power_kw is -3; it must be a number from 0.000001 to 1000000"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parsed(&body);
    }
}
