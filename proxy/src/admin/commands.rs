//! Commands: `POST /substations/{name}/drain` and `/undrain`, and whether they and those of `/limits` may run.
//!
//! The admin port listens on loopback, but a browser on the same machine reaches it, and any page
//! open there could send a form to it. So a command from a page of another origin is refused. Tools
//! send no origin, and the live page sends the admin port's own.

use std::{borrow::Cow, net::IpAddr};

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

use switchyard_wire::{Code, Failure};

use super::Admin;

/// The method of all commands.
pub(super) const METHODS: &str = "POST";

/// Drains or undrains a substation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// As meant: `%3A` in the path is `:`, which names of substations that DNS found have.
    pub(super) name: Cow<'a, str>,
    pub(super) is_draining: bool,
}

/// The request that gives a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) client: IpAddr,
}

impl<'a> Command<'a> {
    /// The command at this path, if there is one.
    pub(super) fn at(path: &'a str) -> Option<Self> {
        let (name, word) = path.strip_prefix("/substations/")?.split_once('/')?;
        let is_draining = match word {
            "drain" => true,
            "undrain" => false,
            _ => return None,
        };
        let name = percent_decode_str(name).decode_utf8_lossy();
        Some(Self { name, is_draining })
    }
}

impl Admin {
    /// The refusal, counted, of a command that a browser sent for a page of another origin; none if it may run.
    pub(super) fn cross_site(&self, headers: &HeaderMap) -> Option<Failure> {
        let has_tls = self.runtime.credentials.admin_certificates().is_some();
        comes_from_elsewhere(headers, has_tls).then(|| {
            let requests = &self.runtime.metrics.requests;
            requests.rejected(Code::Forbidden.name());
            let message = "commands from pages of other sites are refused";
            Failure::new(Code::Forbidden, message)
        })
    }

    /// Whether a command to this process lasts; else its refusal.
    pub(super) fn in_charge(&self) -> Result<(), Failure> {
        if self.runtime.in_charge.is() {
            return Ok(());
        }
        let message = "this process takes over from another one, or hands over to one, and nothing was changed: \
                       give the command again in a moment";
        Err(Failure::new(Code::NotReady, message))
    }
}

fn comes_from_elsewhere(headers: &HeaderMap, has_tls: bool) -> bool {
    let scheme = if has_tls { "https://" } else { "http://" };
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => false,
        (Some(origin), Some(host)) => origin.strip_prefix(scheme) != Some(host),
        (Some(_), None) => true,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_drain_and_undrain_are_commands() {
        let drain = |name: &'static str, is_draining| {
            let name = name.into();
            Some(Command { name, is_draining })
        };
        assert_eq!(Command::at("/substations/s-1/drain"), drain("s-1", true));
        assert_eq!(Command::at("/substations/s.1/undrain"), drain("s.1", false));
        let found = drain("[fd00::1]:5001", true);
        for name in ["[fd00::1]:5001", "%5Bfd00%3a%3A1%5D:5001"] {
            assert_eq!(Command::at(&format!("/substations/{name}/drain")), found);
        }
        let path = "/substations/a%2Fdrain/drain";
        assert_eq!(Command::at(path), drain("a/drain", true));
        for path in [
            "/substations/s1",
            "/substations/s1/",
            "/substations/s1/drain/",
            "/drain",
        ] {
            assert_eq!(Command::at(path), None, "{path}");
        }
    }

    #[test]
    fn an_origin_must_be_the_admin_ports_own() {
        let at = |has_tls, pairs: &[(header::HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            let headers = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
            comes_from_elsewhere(&headers.collect(), has_tls)
        };
        let with = |pairs: &[_]| at(false, pairs);
        let host = || (header::HOST, "127.0.0.1:9901");
        assert!(!with(&[host()]));
        assert!(!with(&[host(), (header::ORIGIN, "http://127.0.0.1:9901")]));
        for origin in ["http://evil.example", "https://127.0.0.1:9901", "null", ""] {
            assert!(with(&[host(), (header::ORIGIN, origin)]), "{origin}");
        }
        assert!(with(&[(header::ORIGIN, "http://127.0.0.1:9901")]));
        for (origin, is_foreign) in [
            ("https://127.0.0.1:9901", false),
            ("http://127.0.0.1:9901", true),
        ] {
            assert_eq!(
                at(true, &[host(), (header::ORIGIN, origin)]),
                is_foreign,
                "{origin}"
            );
        }
    }
}
