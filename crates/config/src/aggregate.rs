//! How several matching series are combined, under the names of the file.

use schemars::JsonSchema;
use serde::Serialize;
use strum::EnumString;
use thiserror::Error;

/// How several matching series of one gauge are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(
    serialize_all = "snake_case",
    parse_err_ty = UnknownAggregate,
    parse_err_fn = unknown_aggregate
)]
pub enum Aggregate {
    /// Not at all: several that match are no sample.
    #[default]
    None,
    /// Their sum.
    Sum,
    /// The greatest of them.
    Max,
}

/// The word is not an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not an aggregate: write none, sum or max")]
pub struct UnknownAggregate;

fn unknown_aggregate(_: &str) -> UnknownAggregate {
    UnknownAggregate
}
