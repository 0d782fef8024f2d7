//! What the proxy writes about its requests and about itself.

use super::{json_schema, tree::Node, values, walk::Section};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::path::PathBuf;
use strum::{EnumString, IntoStaticStr};
use thiserror::Error;

/// How standard output is written as a path.
const STDOUT: &str = "-";

/// A line for each request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["path"]))]
pub struct AccessLog {
    /// The file that lines are added to, or `-` for standard output.
    #[schemars(with = "json_schema::Text")]
    pub path: AccessLogPath,
    /// The form of a line.
    #[schemars(default)]
    pub format: AccessLogFormat,
    /// The part of the requests that get a line.
    #[schemars(with = "json_schema::Share", extend("default" = 1.0))]
    pub sample: f64,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLogPath {
    /// Standard output.
    Stdout,
    /// A file, to which lines are added.
    File(PathBuf),
}

impl Serialize for AccessLogPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Stdout => to.serialize_str(STDOUT),
            Self::File(path) => path.serialize(to),
        }
    }
}

/// The form of a line of the access log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    parse_err_ty = UnknownAccessLogFormat,
    parse_err_fn = unknown_access_log_format
)]
pub enum AccessLogFormat {
    /// An object with every field.
    #[default]
    Json,
    /// The combined format of Apache.
    Combined,
}

/// The word is no form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a format of an access log: write json or combined")]
pub struct UnknownAccessLogFormat;

fn unknown_access_log_format(_: &str) -> UnknownAccessLogFormat {
    UnknownAccessLogFormat
}

/// The log of the proxy itself, on standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The least important lines that are written; `RUST_LOG` goes before it.
    pub level: LogLevel,
}

/// The form of a line of the proxy's own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    parse_err_ty = UnknownLogFormat,
    parse_err_fn = unknown_log_format
)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// An object for programs.
    Json,
}

/// The word is no form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a format of the log: write text or json")]
pub struct UnknownLogFormat;

fn unknown_log_format(_: &str) -> UnknownLogFormat {
    UnknownLogFormat
}

/// How important a line of the log is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    parse_err_ty = UnknownLevel,
    parse_err_fn = unknown_level
)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something should be looked at.
    Warn,
    /// Something changed.
    #[default]
    Info,
    /// Each request.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The word is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a level of the log: write error, warn, info, debug or trace")]
pub struct UnknownLevel;

fn unknown_level(_: &str) -> UnknownLevel {
    UnknownLevel
}

pub(super) fn access_log(s: &mut Section<'_>) -> Option<AccessLog> {
    let path = s.required("path", "path: /var/log/switchyard/access.log", path);
    let format = s.value("format", AccessLogFormat::default(), values::parsed);
    let sample = s.value("sample", 1.0, values::share);
    Some(AccessLog {
        path: path?,
        format,
        sample,
    })
}

pub(super) fn log(s: &mut Section<'_>) -> Log {
    let default = Log::default();
    Log {
        format: s.value("format", default.format, values::parsed),
        level: s.value("level", default.level, values::parsed),
    }
}

fn path(node: &Node) -> Result<AccessLogPath, String> {
    let path = values::file(node)?;
    Ok(if path.as_os_str() == STDOUT {
        AccessLogPath::Stdout
    } else {
        AccessLogPath::File(path)
    })
}
