//! What a request needs, or would like, of a substation's labels.

mod read;

pub(super) use read::{header, select};

use super::json_schema;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The most labels that requests select by: each costs every request a look-up.
pub const MOST_SELECTS: usize = 16;

/// How requests select by one label.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = [], "oneOf" = [{"required": ["field"]}, {"required": ["header"]}]))]
pub struct Select {
    /// The label.
    #[serde(skip)]
    #[schemars(skip)]
    pub label: String,
    /// Where a request says the value.
    #[serde(flatten)]
    #[schemars(with = "Written", flatten)]
    pub from: SelectFrom,
    /// Whether the request would rather have it than need it.
    #[schemars(default)]
    pub prefer: bool,
    /// How full the preferred substations may be, together, before a request goes to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Share")]
    pub spill_at: Option<f64>,
    /// Whether both are numbers, and the label's must reach the request's.
    #[schemars(default)]
    pub at_least: bool,
}

/// Where a request says what it selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectFrom {
    /// In this field of its JSON.
    Field(String),
    /// In this header, in lower case.
    Header(String),
}

/// How [`SelectFrom`] is written: one of these.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
struct Written {
    /// The field of the request's JSON that says the value.
    #[schemars(with = "json_schema::Text")]
    field: Option<String>,
    /// The header of the request that says the value.
    #[schemars(with = "json_schema::FieldName")]
    header: Option<String>,
}

/// The same of a route, which may have none.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn as_optional_map<S: Serializer>(
    all: &Option<Vec<Select>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    as_map(all.as_deref().unwrap_or_default(), to)
}

/// As in the file: a map by label, in its order.
pub(super) fn as_map<S: Serializer>(all: &[Select], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(all.iter().map(|select| (&select.label, select)))
}
