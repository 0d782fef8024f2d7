//! How the proxy speaks TLS to substations, meters and sources, and what it shows them: what it believes, its own
//! certificate, a token.

use super::{json_schema, tree::Node, values, walk::Section};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::path::PathBuf;

/// The word for the certificates that the system trusts.
const SYSTEM: &str = "system";

/// TLS as a client speaks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct UpstreamTls {
    /// Which authorities are believed: `system`, or a file of their certificates.
    #[schemars(with = "json_schema::Text")]
    pub ca: Ca,
    /// The proxy's own certificate, for servers that ask for one; without it, none is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub key: Option<PathBuf>,
    /// The name that certificates must be for; without it, the host as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub server_name: Option<String>,
}

/// Which certificate authorities are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ca {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those in this file, in PEM.
    File(PathBuf),
}

impl Serialize for Ca {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System => to.serialize_str(SYSTEM),
            Self::File(path) => path.serialize(to),
        }
    }
}

/// Whether one server speaks TLS, and under which name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SubstationTls {
    /// If there is `upstream.tls`, and as that says.
    #[default]
    AsUpstream,
    /// It does not.
    Off,
    /// It does.
    On {
        /// The name that its certificate must be for; without it, that of `upstream.tls`, or its host.
        server_name: Option<String>,
    },
}

impl SubstationTls {
    /// The name that its certificate must be for; `None` if no TLS is spoken there. `authority` is its host and port, or
    /// its address.
    #[must_use]
    pub fn name(&self, upstream: Option<&UpstreamTls>, authority: &str) -> Option<String> {
        let own = match self {
            Self::AsUpstream if upstream.is_some() => None,
            Self::AsUpstream | Self::Off => return None,
            Self::On { server_name } => server_name.as_ref(),
        };
        let name = own.or_else(|| upstream?.server_name.as_ref());
        let host = || {
            authority
                .rsplit_once(':')
                .map_or(authority, |(host, _)| host)
        };
        Some(name.map_or_else(|| host().to_owned(), Clone::clone))
    }

    /// Whether nothing is said of it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::AsUpstream
    }
}

impl Serialize for SubstationTls {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AsUpstream => to.serialize_none(),
            Self::Off => to.serialize_bool(false),
            Self::On { server_name } => {
                let mut map = to.serialize_map(None)?;
                if let Some(name) = server_name {
                    map.serialize_entry("server_name", name)?;
                }
                map.end()
            }
        }
    }
}

/// What requests of the proxy itself carry, to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["credentials_file"]))]
pub struct Authorization {
    /// The file with the token that is sent as `Authorization: Bearer`.
    #[schemars(with = "json_schema::Text")]
    pub credentials_file: PathBuf,
}

pub(super) fn upstream_tls(s: &mut Section<'_>) -> UpstreamTls {
    let ca = s.value("ca", Ca::System, |node| {
        let path = values::file(node)?;
        Ok(if path.as_os_str() == SYSTEM {
            Ca::System
        } else {
            Ca::File(path)
        })
    });
    let certificate = s.optional("certificate", values::file);
    let key = s.optional("key", values::file);
    let server_name = s.optional("server_name", server_name);
    for (missing, there) in [("key", "certificate"), ("certificate", "key")] {
        if s.has(there) && !s.has(missing) {
            let rule = format!("is missing beside {there}: write both, or neither");
            s.fault(missing, String::new(), &rule);
        }
    }
    UpstreamTls {
        ca,
        certificate,
        key,
        server_name,
    }
}

/// The `tls` of a substation or a meter.
pub(super) fn substation_tls(s: &mut Section<'_>) -> SubstationTls {
    let mut is_map = false;
    let off = s.optional("tls", |node| match node {
        Node::Bool(false, _) => Ok(SubstationTls::Off),
        Node::Map(_) => {
            is_map = true;
            Ok(SubstationTls::AsUpstream)
        }
        other => Err(format!(
            "must be false, or a map as in `{{server_name: site1.example}}`, not {}",
            other.kind()
        )),
    });
    if !is_map {
        return off.unwrap_or_default();
    }
    let on = s.optional_section("tls", |s| {
        Some(SubstationTls::On {
            server_name: s.optional("server_name", server_name),
        })
    });
    on.unwrap_or_default()
}

pub(super) fn authorization(s: &mut Section<'_>) -> Option<Authorization> {
    s.optional_section("authorization", |s| {
        let example = "credentials_file: /run/secrets/token";
        let file = s.required("credentials_file", example, values::file);
        Some(Authorization {
            credentials_file: file?,
        })
    })
}

/// A name that a certificate can be for.
fn server_name(node: &Node) -> Result<String, String> {
    let name = values::text(node)?;
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Ok(name.to_owned());
    }
    values::check_host(name).map(|()| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_server_s_own_or_that_of_all_or_its_host() {
        let named = |name: Option<&str>| UpstreamTls {
            server_name: name.map(str::to_owned),
            ..UpstreamTls::default()
        };
        let on = |name: Option<&str>| SubstationTls::On {
            server_name: name.map(str::to_owned),
        };
        let (all, one) = (named(Some("all.example")), named(None));
        for (tls, upstream, authority, expected) in [
            (SubstationTls::AsUpstream, None, "a.example:1", None),
            (
                SubstationTls::AsUpstream,
                Some(&one),
                "a.example:1",
                Some("a.example"),
            ),
            (
                SubstationTls::AsUpstream,
                Some(&all),
                "a.example:1",
                Some("all.example"),
            ),
            (SubstationTls::Off, Some(&all), "a.example:1", None),
            (on(None), None, "[::1]:1", Some("[::1]")),
            (on(None), Some(&all), "10.0.0.1:1", Some("all.example")),
            (
                on(Some("own.example")),
                Some(&all),
                "10.0.0.1:1",
                Some("own.example"),
            ),
        ] {
            let name = tls.name(upstream, authority);
            assert_eq!(name.as_deref(), expected, "{tls:?}, {authority}");
        }
    }
}
