//! Reads the fields of a body in one pass: those that a charge has, and those that [`select`](switchyard_selection) names.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};
use switchyard_balance::Load;
use switchyard_idempotency::{Fingerprint, KeyHash};
use switchyard_selection::{Value, Wanted};

/// Optional field; must be a positive number.
const ENERGY: &str = "energy_kwh";
/// Optional field; must be a string.
const VEHICLE: &str = "vehicle_id";

/// What is read from a body.
#[derive(Default)]
pub(super) struct Found {
    pub(super) load: Option<Load>,
    energy: Option<Load>,
    pub(super) is_named: bool,
    /// Of the vehicle's name, if fingerprints are asked for.
    vehicle: Option<KeyHash>,
}

impl Found {
    /// Charges are the same if what is read of them is: further fields and the way they are written don't count. `needs`
    /// stands for what is read by `select`.
    pub(super) fn fingerprint(&self, needs: Option<u128>) -> Fingerprint {
        let bytes = |load: Option<Load>| load.map(|load| load.micros().to_be_bytes());
        let (load, energy) = (bytes(self.load), bytes(self.energy));
        let vehicle = self.vehicle.map(|hash| hash.0.to_be_bytes());
        let needs = needs.map(u128::to_be_bytes);
        let load = load.as_ref().map(<[u8; 8]>::as_slice);
        let energy = energy.as_ref().map(<[u8; 8]>::as_slice);
        let vehicle = vehicle.as_ref().map(<[u8; 16]>::as_slice);
        let needs = needs.as_ref().map(<[u8; 16]>::as_slice);
        // A request that names nothing is the same with and without `select`.
        Fingerprint::of([load, energy, vehicle].into_iter().chain(needs.map(Some)))
    }
}

/// How a body is read.
pub(super) struct Fields<'a, 's> {
    pub(super) load_field: &'a str,
    pub(super) is_keyed: bool,
    /// Whether the other fields of a charge count too.
    pub(super) is_charge: bool,
    /// Takes what is read by `select`, if anything is.
    pub(super) wanted: Option<&'a mut Wanted<'s>>,
}

impl Fields<'_, '_> {
    /// Reads a whole body.
    pub(super) fn read<'de, R: serde_json::de::Read<'de>>(
        self,
        mut json: serde_json::Deserializer<R>,
    ) -> serde_json::Result<Found> {
        let found = self.deserialize(&mut json)?;
        json.end()?;
        Ok(found)
    }
}

impl<'de> DeserializeSeed<'de> for Fields<'_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(field) = map.next_key_seed(FieldName {
            load_field: self.load_field,
            is_charge: self.is_charge,
            wanted: self.wanted.as_deref(),
        })? {
            let wanted = self.wanted.as_deref_mut();
            match field {
                Field::Load if found.load.is_some() => {
                    return Err(A::Error::custom(format_args!(
                        "{:?} is given twice",
                        self.load_field
                    )));
                }
                Field::Load => {
                    let name = self.load_field;
                    let selected = Selected::of(wanted, name);
                    found.load = map.next_value_seed(Amount { name, selected })?;
                }
                Field::Energy => {
                    let (name, selected) = (ENERGY, Selected::of(wanted, ENERGY));
                    found.energy = map.next_value_seed(Amount { name, selected })?;
                }
                Field::Vehicle => {
                    let text = Text {
                        is_keyed: self.is_keyed,
                        selected: Selected::of(wanted, VEHICLE),
                    };
                    if let Some(vehicle) = map.next_value_seed(text)? {
                        found.is_named = true;
                        found.vehicle = vehicle;
                    }
                }
                Field::Selected(at) => {
                    if let Some(wanted) = wanted {
                        map.next_value_seed(Selected(wanted, at))?;
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
    /// One that only `select` reads, by its number.
    Selected(usize),
    Other,
}

struct FieldName<'a, 's> {
    load_field: &'a str,
    is_charge: bool,
    wanted: Option<&'a Wanted<'s>>,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_, '_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_, '_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            name if name == self.load_field => Field::Load,
            ENERGY if self.is_charge => Field::Energy,
            VEHICLE if self.is_charge => Field::Vehicle,
            name => {
                let selected = self.wanted.and_then(|wanted| wanted.field(name));
                selected.map_or(Field::Other, Field::Selected)
            }
        })
    }
}

/// A field that `select` reads, by its number: text, a number or a truth value, or null for "not given".
struct Selected<'w, 's>(&'w mut Wanted<'s>, usize);

impl<'w, 's> Selected<'w, 's> {
    /// The field of this name, if `select` reads it.
    fn of(wanted: Option<&'w mut Wanted<'s>>, name: &str) -> Option<Self> {
        let wanted = wanted?;
        let field = wanted.field(name)?;
        Some(Self(wanted, field))
    }

    fn take<E: Error>(self, value: Value<'_>) -> Result<(), E> {
        let taken = self.0.take_field(self.1, value);
        taken.map_err(|(name, unfit)| E::custom(format_args!("{name:?} {unfit}")))
    }
}

/// Takes a value of a field that a charge has, if `select` reads that too.
fn take<E: Error>(selected: Option<Selected<'_, '_>>, value: Value<'_>) -> Result<(), E> {
    selected.map_or(Ok(()), |selected| selected.take(value))
}

impl<'de> DeserializeSeed<'de> for Selected<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Selected<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name_of(self.1);
        write!(f, "{name:?} to be text, a number or a truth value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(Value::Text(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.take(Value::Whole(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a whole number below zero that loses digits is compared as the nearest that does not"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.take(Value::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.take(Value::Number(number))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.take(Value::Truth(truth))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A positive amount within bounds, or null for "not given".
struct Amount<'a, 'w, 's> {
    name: &'a str,
    selected: Option<Selected<'w, 's>>,
}

impl Amount<'_, '_, '_> {
    fn check<E: Error>(&self, units: f64) -> Result<Load, E> {
        let load = Load::new(units).filter(|load| *load > Load::ZERO);
        load.ok_or_else(|| E::invalid_value(Unexpected::Float(units), self))
    }
}

impl<'de> DeserializeSeed<'de> for Amount<'_, '_, '_> {
    type Value = Option<Load>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Amount<'_, '_, '_> {
    type Value = Option<Load>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} to be a positive number up to {:e}",
            self.name,
            switchyard_balance::load::LARGEST
        )
    }

    fn visit_f64<E: Error>(self, units: f64) -> Result<Self::Value, E> {
        let load = self.check(units)?;
        take(self.selected, Value::Number(units))?;
        Ok(Some(load))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a number that loses digits is out of bounds anyway"
    )]
    fn visit_u64<E: Error>(self, units: u64) -> Result<Self::Value, E> {
        let load = self.check(units as f64)?;
        take(self.selected, Value::Whole(units))?;
        Ok(Some(load))
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

/// The vehicle's name, or null for "not given".
struct Text<'w, 's> {
    is_keyed: bool,
    selected: Option<Selected<'w, 's>>,
}

impl<'de> DeserializeSeed<'de> for Text<'_, '_> {
    /// Whether it is given, and then its hash, if that is asked for.
    type Value = Option<Option<KeyHash>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Text<'_, '_> {
    type Value = Option<Option<KeyHash>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VEHICLE:?} to be a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        take(self.selected, Value::Text(text))?;
        Ok(Some(self.is_keyed.then(|| KeyHash::of(text.as_bytes()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
