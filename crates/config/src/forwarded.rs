//! What a substation is told of the client.

use schemars::JsonSchema;
use serde::Serialize;
use strum::EnumString;
use thiserror::Error;

use super::{Network, json_schema};

/// What a substation is told of the client, and whose word on it is believed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Forwarded {
    /// The proxies in front whose own forwarding headers are passed on.
    #[schemars(with = "Vec<json_schema::Network>")]
    pub trust: Vec<Network>,
    /// The headers that name the client.
    pub send: ForwardedHeaders,
}

/// The headers that name the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "kebab-case")]
#[strum(
    serialize_all = "kebab-case",
    parse_err_ty = UnknownHeaders,
    parse_err_fn = unknown_headers
)]
pub enum ForwardedHeaders {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// None.
    None,
}

/// The word is not a choice of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a choice of headers: write x-forwarded, forwarded or none")]
pub struct UnknownHeaders;

fn unknown_headers(_: &str) -> UnknownHeaders {
    UnknownHeaders
}
