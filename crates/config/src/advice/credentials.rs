//! Advice on secrets that cross a network in clear text.

use http::Uri;
use std::net::IpAddr;

use super::{Advice, note_in};
use crate::{Config, SubstationTls};

impl Config {
    pub(super) fn on_credentials(&self, all: &mut Vec<Advice>) {
        let mut note = note_in(all);
        let admin = &self.admin;
        if let Some(file) = &admin.token_file
            && admin.tls.is_none()
            && !admin.listen.ip().is_loopback()
        {
            note(
                "admin.token_file",
                file.display().to_string(),
                format!(
                    "crosses the network in clear text, since admin.listen ({}) is not loopback, and lets whoever reads \
                     it there command the proxy: set admin.tls",
                    admin.listen
                ),
            );
        }
        if let Some(authorization) = &self.load.authorization
            && self.load.prometheus.is_none()
        {
            let is_open = |one: &&crate::Substation| {
                let has_tls = match one.tls {
                    SubstationTls::AsUpstream => self.upstream.tls.is_some(),
                    SubstationTls::Off => false,
                    SubstationTls::On { .. } => true,
                };
                !has_tls && !one.address.ip().is_loopback()
            };
            let open = self.substations.iter().filter(is_open).count();
            if open > 0 {
                note(
                    "load.authorization.credentials_file",
                    authorization.credentials_file.display().to_string(),
                    format!(
                        "crosses the network in clear text to {open} of {} substations: set upstream.tls",
                        self.substations.len()
                    ),
                );
            }
        }
        let sources = self.discovery.http_sd.iter().map(|source| {
            let key = "discovery.http_sd[].authorization.credentials_file";
            (key, &source.url, &source.authorization)
        });
        let prometheus = self.load.prometheus.iter().map(|it| {
            let key = "load.prometheus.authorization.credentials_file";
            (key, &it.url, &it.authorization)
        });
        for (key, url, authorization) in sources.chain(prometheus) {
            if let Some(authorization) = authorization
                && is_plain_and_far(url)
            {
                note(
                    key,
                    authorization.credentials_file.display().to_string(),
                    format!("crosses the network in clear text to {url}: ask for an https URL"),
                );
            }
        }
    }
}

/// Whether a URL leads to another machine without TLS.
fn is_plain_and_far(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_near = match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost",
    };
    uri.scheme_str() == Some("http") && !is_near
}
