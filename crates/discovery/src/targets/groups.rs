//! Target groups as they are written, in JSON and YAML, read as Prometheus reads them.
//!
//! A label is text. YAML knows numbers and truth values too, and there the text as written counts: `1.10` is not 1.1,
//! `0x1F` not 31, `true` is four letters. Null and empty text are no label. JSON does not let Prometheus write a label
//! without quotes; here the text as written counts there as well.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::value::RawValue;

use super::{Format, Malformed};

/// A group, with the labels that Switchyard reads.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) capacity: Option<String>,
}

/// The groups of `content`, in order.
pub(super) fn read(content: &[u8], format: Format) -> Result<Vec<Group>, Malformed> {
    Ok(match format {
        Format::Json => {
            let groups: Option<Vec<JsonGroup>> = serde_json::from_slice(content)?;
            let groups = groups.unwrap_or_default().into_iter();
            groups.map(Group::from).collect()
        }
        Format::Yaml => {
            let groups: Option<Vec<YamlGroup>> = yaml_serde::from_slice(content)?;
            let groups = groups.unwrap_or_default().into_iter();
            groups.map(Group::from).collect()
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<JsonLabels>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonLabels {
    name: Option<JsonText>,
    capacity: Option<JsonText>,
}

/// Text, or a number or truth value as written.
struct JsonText(String);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = <&RawValue>::deserialize(deserializer)?.get();
        match written.as_bytes().first() {
            Some(b'"') => serde_json::from_str(written)
                .map(Self)
                .map_err(serde::de::Error::custom),
            Some(b'{' | b'[') => Err(serde::de::Error::custom("a label must be text")),
            _ => Ok(Self(written.to_owned())),
        }
    }
}

impl From<JsonGroup> for Group {
    fn from(group: JsonGroup) -> Self {
        let labels = group.labels.unwrap_or_default();
        let text = |label: Option<JsonText>| given(label.map(|JsonText(text)| text));
        Self {
            targets: group.targets.unwrap_or_default(),
            name: text(labels.name),
            capacity: text(labels.capacity),
        }
    }
}

/// `<<` merges other maps in, as YAML 1.1 has it: their keys count where the map has none of its own.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct YamlGroup {
    targets: Option<Vec<String>>,
    labels: Option<YamlLabels>,
    #[serde(rename = "<<")]
    merged: Option<Merged<YamlGroup>>,
}

/// A scalar is read as text whatever it looks like, since a `String` is asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct YamlLabels {
    name: Option<String>,
    capacity: Option<String>,
    #[serde(rename = "<<")]
    merged: Option<Merged<YamlLabels>>,
}

/// One map, or a list of them, of which the first that has a key counts.
struct Merged<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Merged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Maps<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Maps<T> {
            type Value = Merged<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map to merge, or a list of maps")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Merged<T>, A::Error> {
                let map = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Merged(vec![map]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, maps: A) -> Result<Merged<T>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(maps)).map(Merged)
            }
        }
        deserializer.deserialize_any(Maps(std::marker::PhantomData))
    }
}

impl YamlGroup {
    /// Its targets and labels; where it has none, those of the maps that it merges in.
    fn own_or_merged(self) -> (Option<Vec<String>>, Option<YamlLabels>) {
        let merged = self.merged.into_iter().flat_map(|Merged(maps)| maps);
        let own = (self.targets, self.labels);
        merged
            .map(Self::own_or_merged)
            .fold(own, |own, other| (own.0.or(other.0), own.1.or(other.1)))
    }
}

impl YamlLabels {
    /// Its name and capacity; where it has none, those of the maps that it merges in.
    fn own_or_merged(self) -> [Option<String>; 2] {
        let merged = self.merged.into_iter().flat_map(|Merged(maps)| maps);
        let own = [self.name, self.capacity];
        merged.map(Self::own_or_merged).fold(
            own,
            |[name, capacity], [other_name, other_capacity]| {
                [name.or(other_name), capacity.or(other_capacity)]
            },
        )
    }
}

impl From<YamlGroup> for Group {
    fn from(group: YamlGroup) -> Self {
        let (targets, labels) = group.own_or_merged();
        let [name, capacity] = labels.unwrap_or_default().own_or_merged().map(given);
        Self {
            targets: targets.unwrap_or_default(),
            name,
            capacity,
        }
    }
}

/// An empty label is no label.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
