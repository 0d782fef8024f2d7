//! Where the requests go.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Uri};

use crate::error::TargetError;

/// The path where the target has none.
const DEFAULT_PATH: &str = "/request_charge";

/// A target, `http://HOST:PORT[/PATH]` or the same with `https`. The default path is `/request_charge`.
///
/// ```
/// let target: requester::Target = "http://127.0.0.1:8080".parse()?;
/// assert_eq!(target.to_string(), "http://127.0.0.1:8080/request_charge");
/// # Ok::<(), requester::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    is_tls: bool,
    authority: Authority,
    host_header: HeaderValue,
    port: u16,
    path: Uri,
}

impl Target {
    /// The host to resolve; an IPv6 address has no brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.authority.host();
        host.strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host)
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Another page of the same server, as a URL.
    pub(crate) fn sibling(&self, path: &Uri) -> String {
        format!("{}://{}{path}", self.scheme(), self.authority)
    }

    /// The value of the `Host` header.
    pub(crate) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// The path for the request line.
    pub(crate) fn path(&self) -> Uri {
        self.path.clone()
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        parse(text).map_err(|fault| TargetError {
            text: text.to_owned(),
            fault,
        })
    }
}

fn parse(text: &str) -> Result<Target, &'static str> {
    let (is_tls, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some(_) => return Err("only http and https are supported"),
        None => return Err("it does not begin with http://"),
    };
    if rest.contains('#') {
        return Err("a fragment is never sent");
    }
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(split).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("user names and passwords are not sent");
    }
    let authority: Authority = authority.parse().map_err(|_| "the host is malformed")?;
    if authority.host().is_empty() {
        return Err("the host is missing");
    }
    if switchyard_address::check_host(authority.host()).is_err() {
        return Err(
            "the host is ambiguous: write an IPv4 address as four decimal numbers without leading zeros",
        );
    }
    let port = match authority.port() {
        None => return Err("the port is missing"),
        Some(port) => port.as_u16(),
    };
    if port == 0 {
        return Err("nothing listens on port 0");
    }
    let path: PathAndQuery = match path {
        "" | "/" => PathAndQuery::from_static(DEFAULT_PATH),
        _ if !path.starts_with('/') => return Err("a query needs a path before it"),
        _ => path.parse().map_err(|_| "the path is malformed")?,
    };
    let host_header = HeaderValue::from_str(authority.as_str());
    Ok(Target {
        is_tls,
        host_header: host_header.map_err(|_| "the host is malformed")?,
        authority,
        port,
        path: path.into(),
    })
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

#[cfg(test)]
mod tests;
