//! Where substations are: as the user says it, and as it is found.

use std::{path::Path, time::Duration};

use anyhow::Context;
use switchyard_config::{
    Config, Endpoint, Substation, check_connectable, check_host, check_name, parse_endpoint,
};
use switchyard_discovery::Discovery;
use switchyard_process::vital::Vitals;
use switchyard_proxy::metrics::Metrics;
use tokio::time::timeout;

/// How long sources may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(15);

/// A substation that the user names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name, if the user gave one.
    pub(super) name: Option<String>,
    /// As written: HOST:PORT.
    pub(super) address: String,
}

/// A source of substations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A name with addresses, and the port of each.
    Dns(String, u16),
    /// A name with services.
    Srv(String),
    /// Files of targets.
    Files(String),
    /// A URL of targets.
    Url(String),
}

/// Reads `HOST:PORT` or `NAME=HOST:PORT`.
pub(super) fn place(text: &str) -> Result<Place, String> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => {
            check_name(name).map_err(|rule| format!("the name {rule}"))?;
            (Some(name.to_owned()), address)
        }
        None => (None, text),
    };
    if let Endpoint::At(at) = parse_endpoint(address)? {
        check_connectable(at)?;
    }
    Ok(Place {
        name,
        address: address.to_owned(),
    })
}

/// Reads a source.
pub(super) fn source(text: &str) -> Result<Source, String> {
    let name = |name: &str| check_host(name).map(|()| name.to_owned());
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        _ if is_url(text) => Ok(Source::Url(text.to_owned())),
        "http" | "https" if is_url(rest) => Ok(Source::Url(rest.to_owned())),
        "dns" if rest.starts_with('_') => name(rest).map(Source::Srv),
        "srv" => name(rest).map(Source::Srv),
        "dns" => match rest.rsplit_once(':') {
            Some((host, port)) => {
                let port = port.parse::<u16>().ok().filter(|port| *port > 0);
                let port = port.ok_or("needs a port from 1 to 65535, as in dns:substations:5001")?;
                Ok(Source::Dns(name(host)?, port))
            }
            None => Err("needs the port of its addresses, as in dns:substations:5001".to_owned()),
        },
        "file" if !rest.is_empty() => Ok(Source::Files(rest.to_owned())),
        _ => Err(
            "must be dns:NAME:PORT, srv:NAME, file:PATTERN or a URL, as in dns:substations:5001, srv:_charge._tcp.site, \
             file:targets/*.json or http://targets.example/list"
                .to_owned(),
        ),
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// The substations that `config` lists, and those that its sources find now.
pub(super) async fn all(config: &Config, folder: &Path) -> anyhow::Result<Vec<Substation>> {
    if config.discovery.is_empty() {
        return Ok(config.substations.clone());
    }
    let metrics = Metrics::new().context("can't start")?;
    let vitals = Vitals::default();
    let mut discovery = Discovery::start(config, folder, &metrics.discovery, &vitals, None);
    // What has not answered by then has found nothing, and the log says why.
    let _ = timeout(PATIENCE, discovery.settled()).await;
    Ok(discovery.merged(config, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_and_may_have_a_name() {
        let place_of = |name: Option<&str>, address: &str| Place {
            name: name.map(str::to_owned),
            address: address.to_owned(),
        };
        for (text, expected) in [
            ("10.0.0.1:5001", place_of(None, "10.0.0.1:5001")),
            ("[::1]:5001", place_of(None, "[::1]:5001")),
            ("site.example:5001", place_of(None, "site.example:5001")),
            ("north=10.0.0.1:1", place_of(Some("north"), "10.0.0.1:1")),
        ] {
            assert_eq!(place(text), Ok(expected), "{text}");
        }
        for (text, rule) in [
            (
                "http://10.0.0.1:5001/metrics",
                "must be host and port alone",
            ),
            ("10.0.0.1", "needs a port"),
            ("::1", "needs a port"),
            ("10.0.0.1:99999", "has no port from 0 to 65535"),
            ("0.0.0.0:5001", "is an address to listen on"),
            ("10.0.0.1:0", "needs the port that it listens on"),
            ("a b:1", "must be a name that DNS knows"),
            ("no rth=10.0.0.1:1", "the name must"),
            ("", "needs a port"),
        ] {
            let told = place(text).unwrap_err();
            assert!(told.starts_with(rule), "{text}: {told}");
        }
    }

    #[test]
    fn a_source_is_one_of_four_kinds() {
        for (text, expected) in [
            ("dns:site:5001", Source::Dns("site".into(), 5001)),
            (
                "srv:_charge._tcp.site",
                Source::Srv("_charge._tcp.site".into()),
            ),
            (
                "dns:_charge._tcp.site",
                Source::Srv("_charge._tcp.site".into()),
            ),
            ("file:a/*.json", Source::Files("a/*.json".into())),
            ("http://a/b", Source::Url("http://a/b".into())),
            ("https://a:1/b", Source::Url("https://a:1/b".into())),
            ("http:https://a/b", Source::Url("https://a/b".into())),
        ] {
            assert_eq!(source(text), Ok(expected), "{text}");
        }
        for (text, rule) in [
            ("dns:site", "needs the port"),
            ("dns:site:x", "needs a port from"),
            ("dns:site:0", "needs a port from"),
            ("dns::1", "must be a name"),
            ("dns:a b:1", "must be a name"),
            ("file:", "must be dns:"),
            ("consul:x", "must be dns:"),
            ("", "must be dns:"),
        ] {
            let told = source(text).unwrap_err();
            assert!(told.starts_with(rule), "{text}: {told}");
        }
    }
}
