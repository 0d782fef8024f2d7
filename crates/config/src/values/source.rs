//! Where substations may be found: files, URLs, names.

use super::{Read, text};
use crate::tree::Node;
use http::Uri;
use std::net::IpAddr;

/// The longest name that DNS knows, in bytes.
const LONGEST_HOST: usize = 253;

/// A file of targets, or a pattern of several.
pub(crate) fn targets(node: &Node) -> Read<String> {
    let files = text(node)?;
    let (folder, file) = files.rsplit_once('/').unwrap_or(("", files));
    let kind = file.rsplit_once('.').map(|(_, kind)| kind.to_lowercase());
    if folder.contains('*') {
        Err("may have its * in the last segment only, as in targets/*.json".to_owned())
    } else if !matches!(kind.as_deref(), Some("json" | "yaml" | "yml")) {
        Err("must end in .json, .yaml or .yml, which says how it is read".to_owned())
    } else if files.contains('\0') {
        Err("must be the path of a file".to_owned())
    } else {
        Ok(files.to_owned())
    }
}

/// A URL that is asked: of targets, or of a collector.
pub(crate) fn url(node: &Node) -> Read<String> {
    url_as(node, "as in http://127.0.0.1:8000/targets")
}

/// The URL of an API, to which paths are added.
pub(crate) fn api_url(node: &Node) -> Read<String> {
    let url = url_as(node, "as in http://prometheus:9090")?;
    if url.contains(['?', '#']) {
        return Err("must have no query: the paths of the API follow it".to_owned());
    }
    Ok(url)
}

/// The same of a collector of traces.
pub(crate) fn collector_url(node: &Node) -> Read<String> {
    url_as(node, "as in http://127.0.0.1:4318")
}

fn url_as(node: &Node, example: &str) -> Read<String> {
    let url = text(node)?;
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("is not a URL ({error}); write it {example}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            Err("must not contain a name or password: they would appear in logs".to_owned())
        }
        (Some("http" | "https"), Some(authority)) if authority.host().is_empty() => {
            Err(format!("needs a host, {example}"))
        }
        (Some("http" | "https"), Some(authority)) => {
            switchyard_address::check_host(authority.host())
                .map_err(|ambiguous| format!("has a host that {ambiguous}"))?;
            Ok(url.to_owned())
        }
        _ => Err(format!("must begin with http:// or https://, {example}")),
    }
}

/// A name to ask DNS for.
pub(crate) fn host(node: &Node) -> Read<String> {
    let host = text(node)?;
    if host.parse::<IpAddr>().is_ok() {
        return Err("is an address and needs no look-up: list it in `substations`".to_owned());
    }
    check_host(host).map(|()| host.to_owned())
}

/// Checks that `host` is a valid DNS name, and no number that some programs take for an address; else the rule that it
/// breaks.
pub fn check_host(host: &str) -> Read<()> {
    switchyard_address::check_host(host).map_err(|ambiguous| ambiguous.to_string())?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    let labels = host.strip_suffix('.').unwrap_or(host);
    if host.len() <= LONGEST_HOST && labels.split('.').all(label) {
        return Ok(());
    }
    Err(
        "must be a name that DNS knows: letters, digits, '-' and '_', with '.' between its parts"
            .to_owned(),
    )
}
