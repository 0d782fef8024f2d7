//! Where the requests go.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Uri};

use crate::TargetError;

/// The path that is asked where the target names none.
const DEFAULT_PATH: &str = "/request_charge";

/// A plain-text HTTP target, `http://HOST:PORT[/PATH]`. Without a path it is `/request_charge`.
///
/// ```
/// let target: requester::Target = "http://127.0.0.1:8080".parse()?;
/// assert_eq!(target.to_string(), "http://127.0.0.1:8080/request_charge");
/// # Ok::<(), requester::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
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

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Another page of the same server, as a URL.
    pub(crate) fn sibling(&self, path: &Uri) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// What the `Host` header says.
    pub(crate) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// The path as the request line has it.
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
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
            return Err("TLS is not spoken here");
        }
        Some(_) => return Err("only http is spoken here"),
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
        host_header: host_header.map_err(|_| "the host is malformed")?,
        authority,
        port,
        path: path.into(),
    })
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_is_what_it_sends() {
        for (text, whole, host, port) in [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/request_charge",
                "127.0.0.1",
                8080,
            ),
            (
                "http://grid:80/",
                "http://grid:80/request_charge",
                "grid",
                80,
            ),
            (
                "HTTP://grid:80/a/b?c=d",
                "http://grid:80/a/b?c=d",
                "grid",
                80,
            ),
            ("http://[::1]:9/x", "http://[::1]:9/x", "::1", 9),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), whole);
            assert_eq!((target.host(), target.port()), (host, port));
        }
    }

    #[test]
    fn what_it_refuses_it_explains() {
        for (text, fault) in [
            ("", "it does not begin with http://"),
            ("127.0.0.1:8080", "it does not begin with http://"),
            ("https://grid:443", "TLS is not spoken here"),
            ("ftp://grid:21", "only http is spoken here"),
            ("http://grid", "the port is missing"),
            ("http://grid/path", "the port is missing"),
            ("http://grid:", "the port is missing"),
            ("http://grid:0", "nothing listens on port 0"),
            ("http://grid:65536", "the port is missing"),
            ("http://:80", "the host is missing"),
            ("http://", "the host is malformed"),
            ("http://a b:80", "the host is malformed"),
            (
                "http://user:word@grid:80",
                "user names and passwords are not sent",
            ),
            ("http://grid:80/a b", "the path is malformed"),
            ("http://grid:80?a=b", "a query needs a path before it"),
            ("http://grid:80/a#b", "a fragment is never sent"),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert_eq!(error.fault, fault, "{text:?}");
            assert!(error.to_string().contains("http://HOST:PORT[/PATH]"));
        }
    }
}
