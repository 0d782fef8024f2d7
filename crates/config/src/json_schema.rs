//! The configuration as a JSON Schema, so that editors complete it and mark mistakes while it is written.
//!
//! It is generated from the types that `check` prints, so keys, defaults and explanations stay current. A few values
//! are written in another form than they are held, such as a duration with its unit. Their form is described here and
//! in the rules of [`values`](super::values); tests compare the two. A schema can't express rules between two keys:
//! `switchyard check` has the last word.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

use super::Config;

impl Config {
    /// The schema of the file.
    #[must_use]
    pub fn schema() -> Schema {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            // Not every reader resolves references; inlined, the schema is still short.
            settings.inline_subschemas = true;
        });
        settings.into_generator().into_root_schema_for::<Self>()
    }
}

/// A map, or in short form its one required text.
pub(super) struct ShortForm<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for ShortForm<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = generator.subschema_for::<T>();
        json_schema!({"anyOf": [{"type": "string", "minLength": 1}, whole]})
    }
}

/// How an address is written.
const ADDRESS: &str = r"^\S+:\d{1,5}$";

/// Types that describe how a value is written.
macro_rules! schema_types {
    ($($(#[doc = $doc:literal])* $name:ident: $schema:tt)*) => {$(
        $(#[doc = $doc])*
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schema_types! {
    /// One address, or a list of them.
    Listen: {
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "string", "pattern": (ADDRESS)},
                "minItems": 1,
                "maxItems": (super::listen::MOST_LISTENERS)
            },
            {
                "type": "string",
                "pattern": (ADDRESS),
                "description": "The one address.",
                "default": "127.0.0.1:8080"
            }
        ]
    }
    /// False, or a map.
    SubstationTls: {
        "anyOf": [
            {"const": false},
            {
                "type": "object",
                "properties": {
                    "server_name": {
                        "type": "string",
                        "minLength": 1,
                        "description": "The name that its certificate must be for."
                    }
                },
                "additionalProperties": false
            }
        ]
    }
    /// The SHA-256 of a token, or a list of such.
    TokenHashes: {
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                "minItems": 1,
                "maxItems": (super::bounds::MOST_TOKENS)
            },
            {
                "type": "string",
                "pattern": "^[0-9a-fA-F]{64}$",
                "description": "The hash of the one token."
            }
        ]
    }
    /// Requests in a second, a minute or an hour.
    Rate: {
        "type": "string",
        "pattern": "^[0-9]+/[smh]$",
        "examples": ["10/s", "30/m"]
    }
    /// A number and its unit.
    Duration: {
        "type": "string",
        "pattern": r"^\s*\d+\s*(ns|us|ms|s|m|h)(\s*\d+\s*(ns|us|ms|s|m|h))*\s*$",
        "examples": ["500ms", "2s", "1m 30s"]
    }
    /// Bytes, or a number with its unit.
    Size: {
        "type": ["integer", "string"],
        "minimum": 1,
        "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG][iI]?)?[bB]?\s*$",
        "examples": ["64KiB", 65536]
    }
    /// Memory for many requests: bytes, or a number with its unit.
    Memory: {
        "type": ["integer", "string"],
        "minimum": 1_048_576,
        "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG][iI]?)?[bB]?\s*$",
        "examples": ["64MiB", 67_108_864]
    }
    /// A number of keys, or memory with its unit.
    KeyRoom: {
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": (super::bounds::MOST_KEYS),
        "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG][iI]?[bB]?|[bB])\s*$",
        "examples": ["128MiB", 100_000]
    }
    /// The address of a store.
    Store: {
        "type": "string",
        "pattern": r"^(rediss?://[^@\s]+|unix:.+)$",
        "examples": ["redis://10.0.0.5:6379", "rediss://keys.example:6379/0", "unix:/run/redis/redis.sock"]
    }
    /// What names in a store begin with.
    Prefix: {
        "type": "string",
        "pattern": "^[A-Za-z0-9_.-]{1,63}$"
    }
    /// An IP address or a host, and a port.
    Address: {
        "type": "string",
        "pattern": (ADDRESS),
        "examples": ["127.0.0.1:8080", "[::1]:8080"]
    }
    /// A range of IP addresses.
    Network: {
        "description": "A range of IP addresses.",
        "type": "string",
        "pattern": r"^[0-9A-Fa-f:.]+(/\d{1,3})?$",
        "examples": ["10.0.0.0/8", "2001:db8::/32", "127.0.0.1"]
    }
    /// A name that fits URLs and label values.
    Name: {
        "type": "string",
        "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
    }
    /// The name of a label.
    LabelName: {
        "type": "string",
        "pattern": "^(?!__|(name|capacity|feeder|drain|scheme)$)[A-Za-z_][A-Za-z0-9_]{0,127}$"
    }
    /// The value of a label.
    LabelValue: {
        "description": "The label's value, as text.",
        "type": ["string", "number", "boolean"],
        "minLength": 1,
        "maxLength": (super::labels::LONGEST_VALUE)
    }
    /// The name of a header.
    FieldName: {
        "type": "string",
        "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
    }
    /// The path of a URL.
    Path: {
        "type": "string",
        "pattern": "^/[!-~]*$"
    }
    /// The path of a URL, without a query.
    RoutePath: {
        "type": "string",
        "pattern": "^/[!\"$->@-~]*$"
    }
    /// The name of a method.
    Method: {
        "description": "A method.",
        "type": "string",
        "pattern": "^[A-Z0-9!#$%&'*+.^_`|~-]{1,32}$"
    }
    /// A number, or a map.
    RouteLoad: {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": (switchyard_wire::LARGEST_LOAD)},
            {
                "type": "object",
                "properties": {
                    "field": {
                        "type": "string",
                        "minLength": 1,
                        "description": "The field of the request's JSON that holds a number."
                    },
                    "default": {
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": (switchyard_wire::LARGEST_LOAD),
                        "default": 1,
                        "description": "The load of a request without that field."
                    },
                    "per": {
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": (switchyard_wire::LARGEST_LOAD),
                        "default": 1,
                        "description": "How much of the field is a load of 1."
                    }
                },
                "required": ["field"],
                "additionalProperties": false
            }
        ]
    }
    /// How long the load of a request lasts.
    RouteLasts: {
        "type": "string",
        "enum": (super::RouteLasts::ALL.map(super::RouteLasts::name))
    }
    /// The JSON of errors.
    ErrorShape: {
        "type": "string",
        "enum": (super::ErrorShape::ALL.map(super::ErrorShape::name))
    }
    /// A word.
    Noun: {
        "type": "string",
        "pattern": "^[A-Za-z]([A-Za-z0-9 -]*[A-Za-z0-9])?$"
    }
    /// Not empty.
    Text: {
        "type": "string",
        "minLength": 1
    }
    /// A series, as PromQL writes it.
    Series: {
        "type": "string",
        "pattern": r"^\s*[A-Za-z_:][A-Za-z0-9_:]*\s*(\{.*\})?\s*(\+\s*[A-Za-z_:][A-Za-z0-9_:]*\s*(\{.*\})?\s*)*$",
        "examples": [
            "substation_current_load",
            "vllm:num_requests_running{model_name=\"m\"}",
            "vllm:num_requests_running + vllm:num_requests_waiting"
        ]
    }
    /// A selector of series, as PromQL writes it.
    Selector: {
        "type": "string",
        "pattern": r"^\s*([A-Za-z_:][A-Za-z0-9_:]*\s*(\{.*\})?|\{.*\})\s*$",
        "maxLength": 4096,
        "examples": ["substation_current_load", "vllm:num_requests_running{job=\"vllm\"}"]
    }
    /// The name of a label of a series.
    SeriesLabel: {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"
    }
    /// A load or a capacity.
    Positive: {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": (switchyard_wire::LARGEST_LOAD)
    }
    /// A share.
    Share: {
        "type": "number",
        "minimum": 0,
        "maximum": 1
    }
    /// A small share.
    Tolerance: {
        "type": "number",
        "minimum": 0,
        "maximum": (super::bounds::MOST_TOLERANCE),
        "examples": [0.001]
    }
    /// A word, or a number of requests.
    Pipeline: {
        "type": ["string", "integer"],
        "pattern": "^(auto|off)$",
        "minimum": 2,
        "maximum": (super::pipeline::MOST),
        "examples": ["auto", "off", 8]
    }
    /// A word, or a number of requests.
    MaxRequests: {
        "type": ["string", "integer"],
        "pattern": "^(auto|off)$",
        "minimum": 1,
        "maximum": (super::max_requests::MOST),
        "examples": ["auto", "off", 100]
    }
    /// How long a load lasts.
    Lasts: {
        "type": "string",
        "enum": (super::Lasts::ALL.map(super::Lasts::name))
    }
    /// A policy's name.
    Policy: {
        "type": "string",
        "enum": (switchyard_balance::Policy::ALL.map(switchyard_balance::Policy::name))
    }
}
