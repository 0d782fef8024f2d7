//! Further paths that clients may ask for, beside those of charges and sessions: what each request there weighs, how long
//! that lasts, and how it travels.

mod read;

pub(super) use read::routes;

use super::{ErrorShape, LARGEST_NOUN, RouteLasts, Select, json_schema, select};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The most routes: each request is compared with all of them.
pub const MOST_ROUTES: usize = 256;

/// A path, and what happens to requests there.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["path"]))]
pub struct Route {
    /// The path. One that ends with a slash stands for all that begin with it.
    #[schemars(with = "json_schema::RoutePath")]
    pub path: String,
    /// The methods that it takes; without it, any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Vec<json_schema::Method>",
        length(min = 1, max = read::MOST_METHODS)
    )]
    pub methods: Option<Vec<String>>,
    /// What the substation is asked for in place of the path, or of the beginning that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::RoutePath")]
    pub upstream_path: Option<String>,
    /// The load of a request, in the unit of the load gauge.
    #[schemars(with = "json_schema::RouteLoad")]
    pub load: RouteLoad,
    /// How long that load lasts.
    #[schemars(with = "json_schema::RouteLasts", extend("default" = RouteLasts::default()))]
    pub lasts: RouteLasts,
    /// Whether request and answer are short messages, which are read whole before they are passed on.
    #[schemars(default)]
    pub buffer: bool,
    /// Whether any substation in rotation may take it, full or not.
    #[schemars(default)]
    pub any: bool,
    /// By which labels these requests select substations, in place of the whole file's.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "select::as_optional_map"
    )]
    #[schemars(
        with = "std::collections::BTreeMap<json_schema::LabelName, Select>",
        extend("maxProperties" = super::MOST_SELECTS)
    )]
    pub select: Option<Vec<Select>>,
    /// What keeps requests at the substation that took the ones before; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Affinity")]
    pub affinity: Option<Affinity>,
    /// In which words errors are told.
    pub errors: RouteErrors,
}

/// The load of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteLoad {
    /// The same for each.
    Fixed(f64),
    /// As the request says.
    Field {
        /// The field of its JSON with a number.
        field: String,
        /// The load of one without that field.
        default: f64,
        /// How much of the field is a load of 1.
        per: f64,
    },
}

impl Default for RouteLoad {
    fn default() -> Self {
        Self::Fixed(1.0)
    }
}

/// As in the file: a number, or a map.
impl Serialize for RouteLoad {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(load) => to.serialize_f64(*load),
            Self::Field {
                field,
                default,
                per,
            } => {
                let mut map = to.serialize_struct("RouteLoad", 3)?;
                map.serialize_field("field", field)?;
                map.serialize_field("default", default)?;
                map.serialize_field("per", per)?;
                map.end()
            }
        }
    }
}

/// What keeps requests that name the same value at the same substation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = [], "oneOf" = [{"required": ["header"]}, {"required": ["cookie"]}]))]
pub struct Affinity {
    /// Where a request names the value.
    #[serde(flatten)]
    #[schemars(with = "WrittenAffinity", flatten)]
    pub from: AffinityFrom,
    /// How full that substation may be before a request goes elsewhere.
    #[schemars(with = "json_schema::Share", extend("default" = Affinity::SPILL_AT))]
    pub spill_at: f64,
}

impl Affinity {
    /// The default of [`Affinity::spill_at`].
    pub(crate) const SPILL_AT: f64 = 0.9;
}

/// Where a request names what keeps it at a substation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AffinityFrom {
    /// In this header, in lower case.
    Header(String),
    /// In this cookie.
    Cookie(String),
}

/// How [`AffinityFrom`] is written: one of these.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
struct WrittenAffinity {
    /// The header whose value counts.
    #[schemars(with = "json_schema::FieldName")]
    header: Option<String>,
    /// The cookie whose value counts.
    #[schemars(with = "json_schema::FieldName")]
    cookie: Option<String>,
}

/// In which words the proxy's own errors are told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct RouteErrors {
    /// What messages call a substation; without it, "substation".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Noun", length(max = LARGEST_NOUN))]
    pub noun: Option<String>,
    /// Which JSON they are.
    #[schemars(with = "json_schema::ErrorShape")]
    pub shape: ErrorShape,
}

impl Route {
    /// Whether its path stands for all that begin with it.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.path.ends_with('/')
    }

    /// Whether a request for this path is one of its own, whatever the method.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        path == self.path || (self.is_prefix() && path.starts_with(&self.path))
    }

    /// Whether it takes this method.
    #[must_use]
    pub fn takes(&self, method: &str) -> bool {
        let methods = self.methods.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|one| one == method))
    }
}
