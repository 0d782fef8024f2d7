//! Reads the JSON form with visitors that keep nothing but the wanted numbers, so no tree is built.
//!
//! Names are borrowed from the header, so a name with escapes is refused. The text of a wanted number is borrowed too
//! and parsed by [`super::parse`], so both forms give the same number, exact to the last bit.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ReportError, WantedMetrics};

/// Reads one object; nothing but blanks may follow it.
pub(super) fn read(bytes: &[u8], wanted: &mut WantedMetrics<'_>) -> Result<(), ReportError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    json.deserialize_map(ReportVisitor(wanted))
        .and_then(|()| json.end())
        .map_err(|_| ReportError::Malformed)
}

/// The report: an object that has the metrics as one of its members.
struct ReportVisitor<'a, 'w>(&'a mut WantedMetrics<'w>);

impl<'de> Visitor<'de> for ReportVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a load report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut is_found = false;
        while let Some(name) = members.next_key::<&str>()? {
            if !matches!(name, "named_metrics" | "namedMetrics") {
                members.next_value::<Skipped>()?;
            } else if std::mem::replace(&mut is_found, true) {
                return Err(A::Error::custom("the metrics are given twice"));
            } else {
                members.next_value_seed(NamedMetrics(self.0))?;
            }
        }
        Ok(())
    }
}

/// The object that has the metrics by name.
struct NamedMetrics<'a, 'w>(&'a mut WantedMetrics<'w>);

impl<'de> DeserializeSeed<'de> for NamedMetrics<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamedMetrics<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("named metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut metrics: A) -> Result<(), A::Error> {
        while let Some(name) = metrics.next_key::<&str>()? {
            if self.0.is_named(name.as_bytes()) {
                let number = metrics.next_value::<&RawValue>()?.get();
                let taken = self.0.take(name.as_bytes(), number.as_bytes());
                taken.map_err(|_| A::Error::custom("a wanted metric is no load or given twice"))?;
            } else {
                metrics.next_value::<Skipped>()?;
            }
        }
        Ok(())
    }
}

/// Any value, checked and dropped. [`serde::de::IgnoredAny`] would follow it to any depth.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<&str, Self>()?.is_some() {}
        Ok(self)
    }
}
