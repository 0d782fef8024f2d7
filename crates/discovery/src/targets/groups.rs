//! Target groups as they are written, in JSON and YAML, read as Prometheus reads them.
//!
//! A label is text. YAML knows numbers and truth values too, and there the text as written counts: `1.10` is not 1.1,
//! `0x1F` not 31, `true` is four letters. Null and empty text are no label. JSON does not let Prometheus write a label
//! without quotes; here the text as written counts there as well.
//!
//! An answer of a few megabytes can hold millions of groups or targets. What is beyond the most that there can be is
//! counted and not kept.

use std::{cell::Cell, fmt, str};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use switchyard_bounded::{
    Shown,
    yaml::{self, Node, Scalar, Value},
};
use switchyard_config::MOST_SUBSTATIONS;

use super::{Format, Malformed};

/// A group, with the labels that Switchyard reads.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) capacity: Option<String>,
    pub(super) drain: Option<String>,
}

/// The groups of `content`, in order, and how many targets they have. Beyond [`MOST_SUBSTATIONS`] targets are counted,
/// not kept.
pub(super) fn read(content: &[u8], format: Format) -> Result<(Vec<Group>, usize), Malformed> {
    match format {
        Format::Json => {
            let count = Cell::new(0);
            let mut reader = serde_json::Deserializer::from_slice(content);
            let groups = JsonGroups(&count).deserialize(&mut reader)?;
            reader.end()?;
            Ok((groups, count.get()))
        }
        Format::Yaml => {
            let text = str::from_utf8(content).map_err(|error| {
                let at = error.valid_up_to() + 1;
                Malformed::Shape(format!("it is not UTF-8: byte {at} is no text"))
            })?;
            let groups = yaml_groups(&yaml::read(text)?).map_err(Malformed::Shape)?;
            let count = groups.iter().map(|group| group.targets.len()).sum();
            Ok((groups, count))
        }
    }
}

fn require_few_groups(count: usize) -> Result<(), String> {
    if count > MOST_SUBSTATIONS {
        return Err(format!("has more than {MOST_SUBSTATIONS} groups"));
    }
    Ok(())
}

/// A list of groups, or null; counts the targets.
struct JsonGroups<'a>(&'a Cell<usize>);

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
        while let Some(group) = items.next_element::<JsonGroup>()? {
            require_few_groups(groups.len() + 1).map_err(serde::de::Error::custom)?;
            let mut group = group;
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonLabels {
    name: Option<JsonText>,
    capacity: Option<JsonText>,
    drain: Option<JsonText>,
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
            targets: group
                .targets
                .map(|targets| targets.kept)
                .unwrap_or_default(),
            name: text(labels.name),
            capacity: text(labels.capacity),
            drain: text(labels.drain),
        }
    }
}

/// The groups of a YAML tree. `<<` merges other maps in, as YAML 1.1 has it: their keys count where the map has none of
/// its own.
fn yaml_groups(node: &Node) -> Result<Vec<Group>, String> {
    let groups = match node {
        Node::List(groups) => groups,
        Node::Scalar(Scalar {
            value: Value::Null, ..
        }) => return Ok(Vec::new()),
        other => return Err(format!("must be a list of groups, not {}", kind(other))),
    };
    require_few_groups(groups.len())?;
    let read = |(at, node)| yaml_group(node).map_err(|fault| format!("[{at}]{fault}"));
    groups.iter().enumerate().map(read).collect()
}

fn yaml_group(node: &Node) -> Result<Group, String> {
    let [targets, labels] = own_or_merged(node, ["targets", "labels"], true)?;
    let [name, capacity, drain] = match labels {
        Some(labels) => own_or_merged(labels, ["name", "capacity", "drain"], false)
            .map_err(|fault| format!(".labels{fault}"))?,
        None => [None; 3],
    };
    let targets = match targets {
        None => Vec::new(),
        Some(Node::List(items)) => {
            let read = |(at, node)| text(node).map_err(|fault| format!(".targets[{at}]: {fault}"));
            items
                .iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?
        }
        Some(other) => return Err(format!(".targets: must be a list, not {}", kind(other))),
    };
    let label = |name: &str, node: Option<&Node>| {
        let text = node.map(text).transpose();
        text.map(given)
            .map_err(|fault| format!(".labels.{name}: {fault}"))
    };
    Ok(Group {
        targets,
        name: label("name", name)?,
        capacity: label("capacity", capacity)?,
        drain: label("drain", drain)?,
    })
}

/// The values of these keys: the map's own, or else those of the maps that it merges in. Null is no value. Where the map
/// `is_closed`, any other key is a fault.
fn own_or_merged<'a, const KEYS: usize>(
    node: &'a Node,
    keys: [&str; KEYS],
    is_closed: bool,
) -> Result<[Option<&'a Node>; KEYS], String> {
    let Node::Map(entries) = node else {
        return Err(format!(": must be a map of keys, not {}", kind(node)));
    };
    let mut own = [None; KEYS];
    let mut merged = None;
    for (key, value) in entries {
        let written = match key {
            Node::Scalar(Scalar { text, .. }) => text.as_str(),
            other => return Err(format!(": has {} as a key, not text", kind(other))),
        };
        let place = match keys.iter().position(|known| written == *known) {
            Some(at) => own.get_mut(at),
            None if written == "<<" => Some(&mut merged),
            None if is_closed => {
                let shown = Shown::value(written);
                let known = keys.join(" and ");
                return Err(format!(": has a key {shown}, and only {known} are known"));
            }
            None => None,
        };
        if let Some(place) = place
            && place.replace(value).is_some()
        {
            return Err(format!(": has the key {written} twice"));
        }
    }
    own = own.map(|value| value.filter(|value| !is_null(value)));
    let maps = match merged {
        None => &[][..],
        Some(Node::List(maps)) => maps,
        Some(map) => std::slice::from_ref(map),
    };
    for map in maps {
        let merged = own_or_merged(map, keys, is_closed)?;
        for (own, merged) in own.iter_mut().zip(merged) {
            *own = own.or(merged);
        }
    }
    Ok(own)
}

/// A plain value as it is written.
fn text(node: &Node) -> Result<String, String> {
    match node {
        Node::Scalar(Scalar { text, .. }) => Ok(text.clone()),
        other => Err(format!("must be text, not {}", kind(other))),
    }
}

fn is_null(node: &Node) -> bool {
    matches!(
        node,
        Node::Scalar(Scalar {
            value: Value::Null,
            ..
        })
    )
}

/// The kind of a node, worded to follow "not".
fn kind(node: &Node) -> &'static str {
    match node {
        Node::Scalar(_) => "a plain value",
        Node::List(_) => "a list",
        Node::Map(_) => "a map of keys",
    }
}

/// An empty label is no label.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
