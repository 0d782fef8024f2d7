//! What several series that match are together, under the names that the file uses.

use schemars::JsonSchema;
use serde::Serialize;
use std::str::FromStr;
use thiserror::Error;

/// What is made of several series of one gauge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Nothing: several that match are no sample.
    #[default]
    None,
    /// Their sum.
    Sum,
    /// The greatest of them.
    Max,
}

/// A word that is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no way to put series together: write none, sum or max")]
pub struct UnknownAggregate;

impl FromStr for Aggregate {
    type Err = UnknownAggregate;

    fn from_str(text: &str) -> Result<Self, UnknownAggregate> {
        match text {
            "none" => Ok(Self::None),
            "sum" => Ok(Self::Sum),
            "max" => Ok(Self::Max),
            _ => Err(UnknownAggregate),
        }
    }
}
