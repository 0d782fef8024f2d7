//! Reads single fields of a body that need not be JSON at all: what can't be read counts as not given.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use switchyard_selection::{Value, Wanted};

/// How a body is read.
pub(super) struct Loose<'a, 's> {
    /// The field of the load, if one says it.
    load_field: Option<&'a str>,
    /// Takes what is read by `select`, if anything is.
    wanted: Option<&'a mut Wanted<'s>>,
    load: &'a mut Option<f64>,
}

impl Loose<'_, '_> {
    /// The number in the field `load_field` of `body`, if there is one; the first of several.
    pub(super) fn read(
        body: &[u8],
        load_field: Option<&str>,
        wanted: Option<&mut Wanted<'_>>,
    ) -> Option<f64> {
        let mut load = None;
        let fields = Loose {
            load_field,
            wanted,
            load: &mut load,
        };
        let mut json = serde_json::Deserializer::from_slice(body);
        // What was read before an error stays read.
        let _ = json.deserialize_map(fields);
        load
    }
}

impl<'de> Visitor<'de> for Loose<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name {
            load_field: self.load_field,
            wanted: self.wanted.as_deref(),
        })? {
            if !field.is_load && field.selected.is_none() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(Scalar {
                load: field.is_load.then_some(&mut *self.load),
                wanted: self.wanted.as_deref_mut().zip(field.selected),
            })?;
        }
        Ok(())
    }
}

/// What a field is read for.
struct Field {
    is_load: bool,
    /// Its number in `select`.
    selected: Option<usize>,
}

struct Name<'a, 's> {
    load_field: Option<&'a str>,
    wanted: Option<&'a Wanted<'s>>,
}

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(Field {
            is_load: self.load_field == Some(name),
            selected: self.wanted.and_then(|wanted| wanted.field(name)),
        })
    }
}

/// Takes a value if it is a scalar, and passes over any other.
struct Scalar<'a, 's> {
    load: Option<&'a mut Option<f64>>,
    wanted: Option<(&'a mut Wanted<'s>, usize)>,
}

impl Scalar<'_, '_> {
    fn take(self, value: Value<'_>) {
        let Self { load, wanted } = self;
        if let Some((wanted, field)) = wanted {
            // One that does not fit restricts nothing.
            let _ = wanted.take_field(field, value);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a load of so many digits is none"
        )]
        let number = match value {
            Value::Whole(number) => Some(number as f64),
            Value::Number(number) => Some(number),
            Value::Text(_) | Value::Truth(_) => None,
        };
        if let (Some(load @ None), Some(number)) = (load, number) {
            *load = Some(number);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Scalar<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(Value::Text(text));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.take(Value::Whole(number));
        Ok(())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a whole number below zero is no load, and selects as the nearest that loses no digits"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.take(Value::Number(number as f64));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.take(Value::Number(number));
        Ok(())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.take(Value::Truth(truth));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_among_anything_else_and_nothing_else_is_an_error() {
        for (body, load) in [
            (r#"{"n": 5}"#, Some(5.0)),
            (r#"{"m": [1, {"n": 3}], "n": 2.5, "n": 7}"#, Some(2.5)),
            (r#"{"n": null, "n": 2}"#, Some(2.0)),
            (r#"{"n": "5"}"#, None),
            (r#"{"n": [5]}"#, None),
            (r#"{"n": {"n": 5}}"#, None),
            (r#"{"n": -1}"#, Some(-1.0)),
            (r#"{"n": 5, "cut": "#, Some(5.0)),
            (r#"{"\u006e": 4}"#, Some(4.0)),
            ("n=5", None),
            ("[5]", None),
            ("", None),
            ("\u{0}\u{1}", None),
        ] {
            assert_eq!(
                Loose::read(body.as_bytes(), Some("n"), None),
                load,
                "{body}"
            );
        }
        assert_eq!(Loose::read(b"{\"n\": 5}", None, None), None);
    }
}
