//! The file as YAML, before it is interpreted.
//!
//! A map keeps all entries as written, so that a duplicate key is one fault among others.

use switchyard_bounded::yaml::{self, Number, Scalar, Value};

/// The longest text that a message repeats, in characters; longer text is cut.
const SHOWN: usize = 60;
/// The longest key that is read as it is, in bytes: no label has a longer name.
const LONGEST_KEY: usize = 256;

/// One value and everything below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    /// A truth value, and how it is written.
    Bool(bool, String),
    /// A number, and how it is written.
    Number(Number, String),
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
            Self::Bool(..) => "true or false",
            Self::Number(..) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map of keys",
        }
    }

    /// The value in a message: on one line, and empty where the kind says enough.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null | Self::List(_) | Self::Map(_) => String::new(),
            Self::Bool(value, _) => value.to_string(),
            Self::Number(value, _) => value.to_string(),
            Self::Text(text) => match text.char_indices().nth(SHOWN) {
                None => format!("{text:?}"),
                Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
            },
        }
    }

    /// The value as a key in a path.
    fn into_key(self) -> String {
        match self {
            Self::Text(text)
                if (1..=LONGEST_KEY).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_graphic()) =>
            {
                text
            }
            // No name that an operator can choose is written like this.
            other if other.shown().is_empty() => format!("({})", other.kind()),
            other => other.shown(),
        }
    }
}

impl From<yaml::Node> for Node {
    fn from(node: yaml::Node) -> Self {
        match node {
            yaml::Node::Scalar(Scalar { text, value }) => match value {
                Value::Null => Self::Null,
                Value::Bool(value) => Self::Bool(value, text),
                Value::Number(number) => Self::Number(number, text),
                Value::Text => Self::Text(text),
            },
            yaml::Node::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            yaml::Node::Map(entries) => {
                let entries = entries.into_iter();
                let entry = |(key, value)| (Self::from(key).into_key(), Self::from(value));
                Self::Map(entries.map(entry).collect())
            }
        }
    }
}
