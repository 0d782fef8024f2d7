//! Each kind of malformed body.

use super::*;

#[test]
fn no_malformed_request_is_a_charge_request() {
    for &kind in Malformed::VARIANTS {
        let vehicle = Vehicle {
            run: 1,
            number: 2,
            power_kw: 11.0,
            energy_kwh: 5.0,
            malformed: Some(kind),
            unplug_after: None,
        };
        let mut body = String::new();
        vehicle.write_body(&mut body).unwrap();
        let read: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        let power = read.and_then(|json| json.get("power_kw").and_then(serde_json::Value::as_f64));
        assert!(power.is_none_or(|power| power < 0.0), "{body}");
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert!("odd".parse::<Malformed>().is_err());
}
