//! The file as YAML, before it is interpreted.
//!
//! `yaml_serde::Value` would do, but it refuses a file at its first duplicate key. Here a map keeps all entries as
//! written, so that a duplicate is one fault among others.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use yaml_serde::Number;

/// The longest text that a message repeats, in characters; longer text is cut.
const SHOWN: usize = 60;

/// One value and everything below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let mut entries = entries.iter();
        entries.find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The kind of the value, worded to follow "not".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map of keys",
        }
    }

    /// The value in a message: on one line, and empty where the kind says enough.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null | Self::List(_) | Self::Map(_) => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) if text.chars().count() <= SHOWN => format!("{text:?}"),
            Self::Text(text) => format!("{:?}…", text.chars().take(SHOWN).collect::<String>()),
        }
    }

    /// The value as a key in a path.
    fn into_key(self) -> String {
        match self {
            Self::Text(text) if text.bytes().all(|b| b.is_ascii_graphic()) && !text.is_empty() => {
                text
            }
            other if other.shown().is_empty() => other.kind().to_owned(),
            other => other.shown(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value, a list or a map, without a !tag")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    /// An empty document.
    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 64 bits no rule needs the last digit"
    )]
    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Number((value as f64).into()))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 64 bits no rule needs the last digit"
    )]
    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Number((value as f64).into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Node, Node>()? {
            map.push((key.into_key(), value));
        }
        Ok(Node::Map(map))
    }
}
