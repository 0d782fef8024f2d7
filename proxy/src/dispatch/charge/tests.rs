use super::*;

fn rules() -> config::Charge {
    config::Charge {
        upstream_path: "/charge".into(),
        load_field: "power_kw".into(),
        default_load: 11.0,
        lasts: config::Lasts::default(),
    }
}

fn parse(body: &'static str) -> Result<f64, String> {
    let rules = rules();
    Charge::parse(body.as_bytes(), &rules, false, None)
        .map(|charge| charge.load.units())
        .map_err(|failure| failure.message)
}

#[test]
fn the_load_is_what_the_body_says_or_the_default() {
    assert_eq!(parse(""), Ok(11.0));
    assert_eq!(parse("{}"), Ok(11.0));
    assert_eq!(parse(r#"{"power_kw": null}"#), Ok(11.0));
    assert_eq!(parse(r#"{"power_kw": 22}"#), Ok(22.0));
    assert_eq!(
        parse(r#"{"extra": {"power_kw": 1}, "power_kw": 3.7, "vehicle_id": "a"}"#),
        Ok(3.7)
    );
    assert_eq!(
        parse(r#"{"power\u005fkw": 7.4}"#),
        Ok(7.4),
        "an escaped name is the same name"
    );
}

#[test]
fn charges_differ_by_what_is_read_of_them_and_by_nothing_else() {
    let of = |body: &'static str| {
        let charge = Charge::parse(body.as_bytes(), &rules(), true, None);
        charge.unwrap().fingerprint.unwrap()
    };
    let whole = r#"{"power_kw": 7.4, "energy_kwh": 20, "vehicle_id": "v1"}"#;
    for same in [
        r#"{"vehicle_id":"v1","energy_kwh":2e1,"power_kw":7.40}"#,
        r#"{"power_kw": 7.4, "energy_kwh": 20, "vehicle_id": "\u0076\u0031"}"#,
        r#"{"power_kw": 7.4, "energy_kwh": 20, "vehicle_id": "v1", "note": "again"}"#,
    ] {
        assert_eq!(of(same), of(whole), "{same}");
    }
    for other in [
        "",
        r#"{"power_kw": 7.4, "energy_kwh": 20}"#,
        r#"{"power_kw": 7.4, "vehicle_id": "v1"}"#,
        r#"{"energy_kwh": 20, "vehicle_id": "v1"}"#,
        r#"{"power_kw": 20, "energy_kwh": 7.4, "vehicle_id": "v1"}"#,
        r#"{"power_kw": 7.4, "energy_kwh": 20, "vehicle_id": ""}"#,
        r#"{"power_kw": 7.5, "energy_kwh": 20, "vehicle_id": "v1"}"#,
    ] {
        assert_ne!(of(other), of(whole), "{other}");
    }
    assert_eq!(of(""), of("{}"));
    assert_ne!(of(""), of(r#"{"power_kw": 11}"#), "a default may change");
    let unkeyed = Charge::parse(whole.as_bytes(), &rules(), false, None);
    assert_eq!(unkeyed.unwrap().fingerprint, None);
}

#[test]
fn an_invalid_charge_is_refused_with_its_reason() {
    for (body, reason) in [
        ("[]", "expected a JSON object"),
        ("7", "expected a JSON object"),
        ("{", "ends too early; send a JSON object"),
        ("{} x", "no JSON from line 1, character 4 on"),
        (
            "power_kw=7&vehicle_id=v",
            "looks like a form; send a JSON object",
        ),
        ("vehicle", "no JSON from line 1, character 1 on"),
        (r#"{"power_kw": 0}"#, "positive number"),
        (r#"{"power_kw": -1}"#, "positive number"),
        (r#"{"power_kw": 5e12}"#, "positive number up to 4e12"),
        (r#"{"energy_kwh": 5e12}"#, "positive number up to 4e12"),
        (r#"{"power_kw": 1e999}"#, "number out of range"),
        (r#"{"power_kw": NaN}"#, "no JSON from line 1, character"),
        (r#"{"power_kw": "11"}"#, "positive number"),
        (r#"{"power_kw": 1, "power_kw": 2}"#, "given twice"),
        (r#"{"energy_kwh": -5}"#, "positive number"),
        (r#"{"vehicle_id": 5}"#, "string"),
        ("\u{0}", "no JSON from line 1"),
    ] {
        let message = parse(body).unwrap_err();
        assert!(message.contains(reason), "{body}: {message}");
        assert!(!message.contains("at line"), "{body}: {message}");
    }
}
