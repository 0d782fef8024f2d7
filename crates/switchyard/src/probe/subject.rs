//! Which substation is probed, and by which configuration.

use std::{net::ToSocketAddrs, path::Path};

use anyhow::Context;
use switchyard_address::first;
use switchyard_bounded::Shown;
use switchyard_config::{
    self as config, Config, Endpoint, Faults, Substation, check_connectable, parse_endpoint,
};
use switchyard_survey::Surveyor;

use super::Options;
use crate::usage::WrongUsage;

/// What a configuration needs at least; the substation is another one.
const LEAST: &str = "substations: [{name: probed, address: 127.0.0.1:1}]";
/// The most names that a message lists.
const MOST_NAMES: usize = 10;

/// The configuration, the substation, and its name if the configuration lists it.
pub(super) fn find(options: &Options) -> anyhow::Result<(Config, Substation, Option<String>)> {
    let config = match &options.config {
        Some(file) => Config::load(file)?,
        None => Config::from_yaml(LEAST, "the defaults")?,
    };
    let file = options.config.as_deref();
    let listed: &[Substation] = if file.is_some() {
        &config.substations
    } else {
        &[]
    };
    if let Some(one) = listed.iter().find(|one| one.name == options.address) {
        let found = (one.clone(), Some(one.name.clone()));
        return Ok((config, found.0, found.1));
    }
    let substation = at(&options.address, file, listed)?;
    let same = listed.iter().find(|one| one.address == substation.address);
    let found = match same {
        Some(one) => (one.clone(), Some(one.name.clone())),
        None => (substation, None),
    };
    Ok((config, found.0, found.1))
}

/// A substation of which only the address is known.
fn at(address: &str, file: Option<&Path>, listed: &[Substation]) -> anyhow::Result<Substation> {
    let wrong = |rule: String| {
        let mut why = format!("{:?} {rule}", Shown::value(address).to_string());
        if address.contains("://") {
            why.push_str("; --path is for a path, and TLS is as --config says");
        }
        if let Some(file) = file.filter(|_| !address.contains([':', '/'])) {
            let names = listed.iter().map(|one| one.name.as_str());
            let mut names: Vec<_> = names.take(MOST_NAMES).collect();
            if listed.len() > MOST_NAMES {
                names.push("…");
            }
            let names = names.join(", ");
            why = format!(
                "{why}, or the name of a substation that {} lists: {names}",
                file.display()
            );
        }
        WrongUsage(why, "probe")
    };
    match parse_endpoint(address).map_err(wrong)? {
        Endpoint::At(at) => {
            let at = check_connectable(at).map_err(wrong)?;
            Ok(Substation::new("probed".to_owned(), at))
        }
        Endpoint::Host(host, port) => {
            let found = (host, port).to_socket_addrs();
            let found = found.with_context(|| format!("{host} cannot be looked up"))?;
            let at = first(found).with_context(|| format!("{host} has no address"))?;
            let at = check_connectable(at).map_err(wrong)?;
            Ok(Substation {
                host: Some(format!("{host}:{port}")),
                ..Substation::new("probed".to_owned(), at)
            })
        }
    }
}

/// A surveyor by `config`, or which of its files can't be used.
pub(super) fn surveyor(config: &Config, options: &Options) -> Result<Surveyor, config::Error> {
    Surveyor::new(config).map_err(|fault| {
        let file = options.config.as_deref().unwrap_or(Path::new(""));
        config::Error::Faults(Faults {
            source_name: file.display().to_string(),
            faults: vec![fault],
        })
    })
}
