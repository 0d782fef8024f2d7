//! Groups in JSON, kept only as far as there can be so many.

use std::{cell::Cell, collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
    },
};
use serde_json::value::RawValue;
use switchyard_bounded::Shown;
use switchyard_config::{MOST_SUBSTATIONS, is_key_label};

use super::{Group, Labels, is_read, require_few_groups};

/// A list of groups, or null; counts the targets.
pub(super) struct JsonGroups<'a>(pub(super) &'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for JsonGroups<'_> {
    type Value = Vec<Group>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Group>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonGroups<'_> {
    type Value = Vec<Group>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of groups")
    }

    fn visit_unit<E>(self) -> Result<Vec<Group>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Group>, A::Error> {
        let mut groups = Vec::new();
        while let Some(WrittenAsMap(mut group)) = items.next_element()? {
            require_few_groups(groups.len() + 1).map_err(serde::de::Error::custom)?;
            let count = group.targets.as_ref().map_or(0, |targets| targets.count);
            self.0.set(self.0.get().saturating_add(count));
            if self.0.get() > MOST_SUBSTATIONS {
                group.targets = None;
            }
            groups.push(Group::from(group));
        }
        Ok(groups)
    }
}

/// Targets, of which no more are kept than there can be substations.
struct Targets {
    kept: Vec<String>,
    count: usize,
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counted;
        impl<'de> Visitor<'de> for Counted {
            type Value = Targets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of targets")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Targets, A::Error> {
                let (mut kept, mut count) = (Vec::new(), 0);
                while kept.len() < MOST_SUBSTATIONS {
                    let Some(target) = items.next_element()? else {
                        return Ok(Targets { kept, count });
                    };
                    kept.push(target);
                    count += 1;
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Targets { kept, count })
            }
        }
        deserializer.deserialize_seq(Counted)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    #[serde(default)]
    targets: Option<Targets>,
    #[serde(default)]
    labels: Option<JsonLabels>,
}

/// A group that is a map. A list of its values would be read too, and is no group for Prometheus.
struct WrittenAsMap(JsonGroup);

impl<'de> Deserialize<'de> for WrittenAsMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByKey;
        impl<'de> Visitor<'de> for ByKey {
            type Value = WrittenAsMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a group")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<WrittenAsMap, A::Error> {
                JsonGroup::deserialize(MapAccessDeserializer::new(entries)).map(WrittenAsMap)
            }
        }
        deserializer.deserialize_map(ByKey)
    }
}

#[derive(Default)]
struct JsonLabels(Labels);

impl<'de> Deserialize<'de> for JsonLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = JsonLabels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<JsonLabels, A::Error> {
                let mut labels = Labels::new();
                let mut seen = BTreeSet::new();
                while let Some(name) = entries.next_key::<String>()? {
                    if !is_read(&name) {
                        entries.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if !seen.insert(name.clone()) {
                        let shown = Shown::value(&name);
                        return Err(serde::de::Error::custom(format!(
                            "has the label {shown} twice"
                        )));
                    }
                    let written = entries.next_value::<&RawValue>()?.get();
                    let value = json_label(&name, written).map_err(serde::de::Error::custom)?;
                    if let Some(value) = value {
                        labels.insert(name, value);
                    }
                }
                Ok(JsonLabels(labels))
            }
        }
        deserializer.deserialize_map(ByName)
    }
}

/// The value of a label: text, or a number or truth value as written. `None` if it is none.
fn json_label(name: &str, written: &str) -> Result<Option<String>, String> {
    let text = match written.as_bytes().first() {
        Some(b'"') => serde_json::from_str(written).map_err(|error| error.to_string())?,
        Some(b'{' | b'[') if is_key_label(name) => return Err("a label must be text".to_owned()),
        Some(b'{' | b'[' | b'n') => return Ok(None),
        _ => written.to_owned(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

impl From<JsonGroup> for Group {
    fn from(group: JsonGroup) -> Self {
        Self {
            targets: group
                .targets
                .map(|targets| targets.kept)
                .unwrap_or_default(),
            labels: group.labels.unwrap_or_default().0,
        }
    }
}
