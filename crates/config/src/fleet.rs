//! `fleet`: what several proxies share, and the store that they share it in.

use super::{json_schema, show};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};
use strum::EnumString;
use switchyard_address::check_host;
use thiserror::Error;

/// The port of a store that names none.
const PORT: u16 = 6379;

/// What several proxies share.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["store"]))]
pub struct Fleet {
    /// The store, which speaks the protocol of Redis.
    #[schemars(with = "json_schema::Store")]
    pub store: StoreAddress,
    /// The file with the store's password, or with a user and a password apart by a colon; without it, none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub password_file: Option<PathBuf>,
    /// What the names of everything in the store begin with, so that several fleets can share a store.
    #[schemars(with = "json_schema::Prefix", extend("default" = "switchyard"))]
    pub prefix: String,
    /// The longest that a request with a key waits for the store.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration", extend("default" = "50ms"))]
    pub timeout: Duration,
    /// What becomes of a request with a key while the store can't be asked.
    #[schemars(default)]
    pub when_unreachable: WhenUnreachable,
}

impl Fleet {
    /// The default of [`Fleet::prefix`].
    pub(super) const PREFIX: &str = "switchyard";
    /// The default of [`Fleet::timeout`].
    pub(super) const TIMEOUT: Duration = Duration::from_millis(50);
}

/// What becomes of a request with an `Idempotency-Key` while the store can't be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(
    serialize_all = "snake_case",
    parse_err_ty = UnknownConduct,
    parse_err_fn = unknown_conduct
)]
pub enum WhenUnreachable {
    /// It is refused, and nothing is booked.
    #[default]
    Refuse,
    /// This proxy's own keys decide: a repetition through another proxy may book twice.
    Local,
}

/// The word says nothing of a store that can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "does not say what becomes of a request with a key while the store can't be asked: write refuse (503, nothing is \
     booked) or local (the proxy's own keys decide, and a repetition through another proxy may book twice)"
)]
pub struct UnknownConduct;

fn unknown_conduct(_: &str) -> UnknownConduct {
    UnknownConduct
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A host with its port, the number of a database, and whether TLS is spoken there.
    Host {
        /// A name or an address, without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// The number of the database.
        database: u32,
        /// Whether TLS is spoken there.
        tls: bool,
    },
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Host {
                host,
                port,
                database,
                tls,
            } => {
                f.write_str(if *tls { "rediss://" } else { "redis://" })?;
                match host.parse::<Ipv6Addr>() {
                    Ok(address) => write!(f, "[{address}]")?,
                    Err(_) => f.write_str(host)?,
                }
                write!(f, ":{port}/{database}")
            }
        }
    }
}

impl Serialize for StoreAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text names no store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NoStore(String);

impl FromStr for StoreAddress {
    type Err = NoStore;

    fn from_str(text: &str) -> Result<Self, NoStore> {
        const EXAMPLE: &str = "as in redis://10.0.0.5:6379, rediss://keys.example:6379/0 or unix:/run/redis/redis.sock";
        let wrong = |what: &str| NoStore(format!("{what}, {EXAMPLE}"));
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() || path.contains('\0') {
                Err(wrong("needs the path of a socket"))
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let (rest, tls) = match (
            text.strip_prefix("redis://"),
            text.strip_prefix("rediss://"),
        ) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Err(wrong("must begin with redis://, rediss:// or unix:")),
        };
        if rest.contains('@') {
            return Err(NoStore(
                "must not contain a name or password, which would appear in logs: write them to fleet.password_file"
                    .to_owned(),
            ));
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| wrong("must end in the number of a database"))?,
        };
        let (host, port) = split(authority).ok_or_else(|| wrong("must be a host and a port"))?;
        if host.is_empty() {
            return Err(wrong("needs a host"));
        }
        if host.parse::<Ipv6Addr>().is_err() && host.parse::<Ipv4Addr>().is_err() {
            check_host(host).map_err(|why| NoStore(format!("has a host that {why}")))?;
            super::values::check_host(host)
                .map_err(|rule| NoStore(format!("has a host that {rule}")))?;
        }
        Ok(Self::Host {
            host: host.to_owned(),
            port,
            database,
            tls,
        })
    }
}

/// Host and port of an authority.
fn split(authority: &str) -> Option<(&str, u16)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if rest.is_empty() => PORT,
            None => return None,
        };
        return Some((host, port));
    }
    match authority.split_once(':') {
        None => Some((authority, PORT)),
        Some((host, port)) => Some((host, port.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_whole_and_reads_back_the_same() {
        for (written, shown) in [
            ("redis://a", "redis://a:6379/0"),
            ("redis://10.0.0.5:1/", "redis://10.0.0.5:1/0"),
            (
                "rediss://keys.example:6380/7",
                "rediss://keys.example:6380/7",
            ),
            ("redis://[::1]", "redis://[::1]:6379/0"),
            ("redis://[::1]:5/2", "redis://[::1]:5/2"),
            ("unix:/run/a b.sock", "unix:/run/a b.sock"),
            ("unix:relative.sock", "unix:relative.sock"),
        ] {
            let address: StoreAddress = written.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse::<StoreAddress>().unwrap(), address);
        }
    }

    #[test]
    fn what_names_no_store_says_what_to_write() {
        for (written, rule) in [
            ("", "must begin with redis://"),
            ("localhost:6379", "must begin with redis://"),
            ("http://a", "must begin with redis://"),
            ("redis://", "needs a host"),
            ("redis://:6379", "needs a host"),
            ("redis://a:0x1", "must be a host and a port"),
            ("redis://a:65536", "must be a host and a port"),
            ("redis://[::1", "must be a host and a port"),
            ("redis://[a]:1", "must be a host and a port"),
            ("redis://a:1/x", "the number of a database"),
            ("redis://a:1/0/1", "the number of a database"),
            ("redis://user:pw@a:1", "fleet.password_file"),
            ("redis://a_:b", "must be a host and a port"),
            ("redis://a b:1", "has a host that"),
            ("redis://0x7f.1:1", "has a host that"),
            ("unix:", "the path of a socket"),
        ] {
            let error = written.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(error.contains(rule), "{written}: {error}");
        }
    }
}
