//! A charge request: the body, which is passed on unchanged, and the load in it.
//!
//! The body is read once, by a visitor that keeps only the load. It builds no tree and allocates nothing, however many
//! further fields the body has for the substation.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use switchyard_balance::Load;

use switchyard_config as config;
use switchyard_idempotency::{Fingerprint, KeyHash};
use switchyard_wire::{Code, Failure};

/// Optional field; must be a positive number.
const ENERGY: &str = "energy_kwh";
/// Optional field; must be a string.
const VEHICLE: &str = "vehicle_id";

/// One charge request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge<'a> {
    /// As received.
    pub(super) body: &'a [u8],
    /// The load that it adds to a substation.
    pub(super) load: Load,
    /// Whether it names its vehicle.
    pub(super) is_named: bool,
    /// What tells it from other charges, if that was asked for.
    pub(super) fingerprint: Option<Fingerprint>,
}

/// What is read from a body.
#[derive(Default)]
struct Found {
    load: Option<Load>,
    energy: Option<Load>,
    is_named: bool,
    /// Of the vehicle's name, if fingerprints are asked for.
    vehicle: Option<KeyHash>,
}

impl Found {
    /// Charges are the same if what is read of them is: further fields and the way they are written don't count.
    fn fingerprint(&self) -> Fingerprint {
        let bytes = |load: Option<Load>| load.map(|load| load.micros().to_be_bytes());
        let (load, energy) = (bytes(self.load), bytes(self.energy));
        let vehicle = self.vehicle.map(|hash| hash.0.to_be_bytes());
        let load = load.as_ref().map(<[u8; 8]>::as_slice);
        let energy = energy.as_ref().map(<[u8; 8]>::as_slice);
        Fingerprint::of([load, energy, vehicle.as_ref().map(<[u8; 16]>::as_slice)])
    }
}

impl<'a> Charge<'a> {
    /// Checks a body. Without a load in it, also if it is empty, the configured default applies. `is_keyed` asks for its
    /// fingerprint.
    pub(super) fn parse(
        body: &'a [u8],
        rules: &config::Charge,
        is_keyed: bool,
    ) -> Result<Self, Failure> {
        let found = if body.is_empty() {
            Found::default()
        } else {
            // As text it is checked for UTF-8 once, instead of every string apart.
            let fields = match str::from_utf8(body) {
                Ok(text) => fields(serde_json::Deserializer::from_str(text), rules, is_keyed),
                Err(_) => fields(serde_json::Deserializer::from_slice(body), rules, is_keyed),
            };
            fields.map_err(|error| {
                let why = explain(&error, body);
                let message = format!("the body is not a charge request: {why}");
                Failure::new(Code::InvalidRequest, message)
            })?
        };
        let load = found
            .load
            .or_else(|| Load::new(rules.default_load))
            .unwrap_or_default();
        Ok(Self {
            body,
            load,
            is_named: found.is_named,
            fingerprint: is_keyed.then(|| found.fingerprint()),
        })
    }
}

/// What is in a body.
fn fields<'de, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
    rules: &config::Charge,
    is_keyed: bool,
) -> serde_json::Result<Found> {
    let fields = Fields {
        load_field: &rules.load_field,
        is_keyed,
    };
    let found = fields.deserialize(&mut json)?;
    json.end()?;
    Ok(found)
}

/// What is wrong with a body, and what to send instead.
fn explain(error: &serde_json::Error, body: &[u8]) -> String {
    const INSTEAD: &str = r#"send a JSON object, as in {"power_kw": 11}, or no body at all"#;
    let text = error.to_string();
    match error.classify() {
        // Said by the visitors below; where in the body it is adds nothing.
        Category::Data => text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(what, _)| what)
            .to_owned(),
        _ if text.starts_with("number out of range") => "it has a number out of range".into(),
        Category::Eof => format!("its JSON ends too early; {INSTEAD}"),
        _ if !body.trim_ascii_start().starts_with(b"{") && body.contains(&b'=') => {
            format!("it looks like a form; {INSTEAD}")
        }
        _ => {
            let (line, column) = (error.line(), error.column());
            format!("it is no JSON from line {line}, character {column} on; {INSTEAD}")
        }
    }
}

struct Fields<'a> {
    load_field: &'a str,
    is_keyed: bool,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(field) = map.next_key_seed(FieldName {
            load_field: self.load_field,
        })? {
            match field {
                Field::Load if found.load.is_some() => {
                    return Err(A::Error::custom(format_args!(
                        "{:?} is given twice",
                        self.load_field
                    )));
                }
                Field::Load => found.load = map.next_value_seed(Amount(self.load_field))?,
                Field::Energy => found.energy = map.next_value_seed(Amount(ENERGY))?,
                Field::Vehicle => {
                    let text = Text {
                        name: VEHICLE,
                        is_keyed: self.is_keyed,
                    };
                    if let Some(vehicle) = map.next_value_seed(text)? {
                        found.is_named = true;
                        found.vehicle = vehicle;
                    }
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

enum Field {
    Load,
    Energy,
    Vehicle,
    Other,
}

struct FieldName<'a> {
    load_field: &'a str,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            name if name == self.load_field => Field::Load,
            ENERGY => Field::Energy,
            VEHICLE => Field::Vehicle,
            _ => Field::Other,
        })
    }
}

/// A positive amount within bounds, or null for "not given".
struct Amount<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Amount<'_> {
    type Value = Option<Load>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Amount<'_> {
    type Value = Option<Load>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} to be a positive number up to {:e}",
            self.0,
            switchyard_balance::load::LARGEST
        )
    }

    fn visit_f64<E: Error>(self, units: f64) -> Result<Self::Value, E> {
        match Load::new(units) {
            Some(load) if load > Load::ZERO => Ok(Some(load)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Float(units), &self)),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number that loses digits is out of bounds anyway"
    )]
    fn visit_u64<E: Error>(self, units: u64) -> Result<Self::Value, E> {
        self.visit_f64(units as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number that loses digits is out of bounds anyway"
    )]
    fn visit_i64<E: Error>(self, units: i64) -> Result<Self::Value, E> {
        self.visit_f64(units as f64)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Text, or null for "not given".
struct Text<'a> {
    name: &'a str,
    is_keyed: bool,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    /// Whether it is given, and then its hash, if that is asked for.
    type Value = Option<Option<KeyHash>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = Option<Option<KeyHash>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to be a string", self.name)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(self.is_keyed.then(|| KeyHash::of(text.as_bytes()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
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
        Charge::parse(body.as_bytes(), &rules, false)
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
            let charge = Charge::parse(body.as_bytes(), &rules(), true);
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
        let unkeyed = Charge::parse(whole.as_bytes(), &rules(), false);
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
}
