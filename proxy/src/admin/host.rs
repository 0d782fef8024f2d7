//! Which names of the admin port are answered, where no token protects it.
//!
//! Without a token the port listens on loopback, so only programs of this machine reach it. A browser is one of them,
//! and runs what other sites send. A site can let its own name lead to 127.0.0.1 (DNS rebinding); its page then is of
//! the same origin as the admin port, and may read and command it. What the browser can't hide is that name: it is in
//! `Host`. So only names that lead to loopback by themselves are answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, header};

use switchyard_wire::{Code, Failure};

use super::Admin;

impl Admin {
    /// The refusal, counted, of a request for another name than this machine's; none if it may be answered.
    pub(super) fn other_host(&self, headers: &HeaderMap) -> Option<Failure> {
        if self.runtime.credentials.token().is_some() {
            return None;
        }
        let host = foreign_host(headers)?;
        let requests = &self.runtime.metrics.requests;
        requests.rejected(Code::Forbidden.name());
        let message = format!(
            "the host {host:?} is refused: without admin.token_file this port answers only to localhost and to loopback \
             addresses, so that no web page can command it; ask for http://localhost:PORT"
        );
        Some(Failure::new(Code::Forbidden, message))
    }
}

/// The name in a request that is not this machine's, if there is one. A request names one at most, the same in `Host` and
/// target, and only in HTTP/1.0, which no browser speaks, it may name none.
fn foreign_host(headers: &HeaderMap) -> Option<String> {
    let named = headers.get_all(header::HOST).iter();
    let mut named = named.map(|host| String::from_utf8_lossy(host.as_bytes()));
    let foreign = named.find(|host| !is_this_machine(host))?;
    Some(foreign.into_owned())
}

/// Whether `host`, with or without a port, leads to loopback on every machine. The port may be another than ours: a
/// tunnel has its own.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, rest)) => {
            let is_loopback = ip.parse().is_ok_and(|ip: Ipv6Addr| is_loopback(ip.into()));
            return is_loopback && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
        }
        None => host.split_once(':').unwrap_or((host, "0")),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|ip: Ipv4Addr| is_loopback(ip.into()));
    is_local && is_port(port)
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_that_lead_to_loopback_everywhere_are_this_machines() {
        for host in [
            "localhost",
            "localhost:9901",
            "LocalHost:1",
            "localhost.:9901",
            "127.0.0.1:9901",
            "127.0.0.1",
            "127.8.9.10:65535",
            "[::1]:9901",
            "[::1]",
            "[::ffff:127.0.0.1]:9901",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "localhost.evil.example:9901",
            "localhost@evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example:9901",
            "evil.example:127.0.0.1",
            "10.0.0.1:9901",
            "0.0.0.0:9901",
            "[::]:9901",
            "[2001:db8::1]:9901",
            "[::1].evil.example",
            "[::1]evil:9901",
            "::1",
            "localhost:",
            "localhost:99999",
            "localhost:9901:evil",
            "127.0.0.1:+1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_foreign_host_is_found_and_http_1_0_may_name_none() {
        let of = |host: &str| {
            let host = HeaderValue::from_str(host).unwrap();
            foreign_host(&[(header::HOST, host)].into_iter().collect())
        };
        assert_eq!(of("localhost:9901"), None);
        assert_eq!(of("evil:80").unwrap(), "evil:80");
        assert_eq!(foreign_host(&HeaderMap::new()), None);
    }
}
