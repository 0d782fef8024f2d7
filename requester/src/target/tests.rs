//! Valid and invalid targets.

use super::*;

#[test]
fn a_valid_target_is_used_as_given() {
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
        ("https://grid:443/a", "https://grid:443/a", "grid", 443),
    ] {
        let target: Target = text.parse().unwrap();
        assert_eq!(target.to_string(), whole);
        assert_eq!((target.host(), target.port()), (host, port));
    }
}

#[test]
fn an_invalid_target_is_explained() {
    const AMBIGUOUS: &str = "the host is ambiguous: write an IPv4 address as four decimal numbers without leading zeros";
    for (text, fault) in [
        ("", "it does not begin with http://"),
        ("127.0.0.1:8080", "it does not begin with http://"),
        ("ftp://grid:21", "only http and https are supported"),
        ("http://grid", "the port is missing"),
        ("http://grid/path", "the port is missing"),
        ("http://grid:", "the port is missing"),
        ("http://grid:0", "nothing listens on port 0"),
        ("http://grid:65536", "the port is missing"),
        ("http://:80", "the host is missing"),
        ("http://127.1:80", AMBIGUOUS),
        ("http://010.0.0.1:80", AMBIGUOUS),
        ("http://2130706433:80", AMBIGUOUS),
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
