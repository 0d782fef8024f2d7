//! Reads the sources.
//!
//! An entry may be written in a short form, as its one required text. It is expanded to the map that it stands for, so
//! that the same rules check both.

use super::{Discovery, DnsSource, Family, FileSource, HttpSource, MOST_SOURCES, Records};
use crate::{
    tree::Node,
    upstream_tls::{authorization, upstream_tls},
    values,
    walk::Section,
};
use std::time::Duration;
use switchyard_bounded::yaml::Number;

pub(crate) fn discovery(s: &mut Section<'_>) -> Discovery {
    Discovery {
        allow: s
            .items("allow", values::some_networks, values::parsed)
            .unwrap_or(Discovery::default().allow),
        file_sd: sources(
            s,
            "file_sd",
            "file_sd: [targets.json]",
            |text| vec![("files", Node::Text(text.to_owned()))],
            file,
        ),
        http_sd: sources(
            s,
            "http_sd",
            "http_sd: [{url: \"http://127.0.0.1:8000/targets\"}]",
            |text| vec![("url", Node::Text(text.to_owned()))],
            http,
        ),
        dns: sources(
            s,
            "dns",
            "dns: [{name: substation, port: 5001}]",
            short_dns,
            dns,
        ),
    }
}

fn file(s: &mut Section<'_>, taken: &mut Vec<String>) -> Option<FileSource> {
    let files = s.required("files", "files: targets.json", |node| {
        claim_source(taken, values::targets(node)?)
    });
    let refresh = s.value("refresh", Duration::from_mins(5), values::refresh);
    let allow_empty = allow_empty(s);
    Some(FileSource {
        files: files?,
        refresh,
        allow_empty,
    })
}

fn http(s: &mut Section<'_>, taken: &mut Vec<String>) -> Option<HttpSource> {
    let url = s.required("url", "url: http://127.0.0.1:8000/targets", |node| {
        claim_source(taken, values::url(node)?)
    });
    let refresh = s.value("refresh", Duration::from_secs(30), values::refresh);
    let timeout = s.value("timeout", Duration::from_secs(10), values::duration);
    let allow_empty = allow_empty(s);
    let authorization = authorization(s);
    let tls = s.optional_section("tls", |s| Some(upstream_tls(s)));
    if tls.is_some() && url.as_ref().is_some_and(|url| url.starts_with("http:")) {
        s.fault(
            "tls",
            String::new(),
            "is for a `url` that begins with https://: remove it",
        );
    }
    Some(HttpSource {
        url: url?,
        refresh,
        timeout,
        allow_empty,
        authorization,
        tls,
    })
}

fn dns(s: &mut Section<'_>, taken: &mut Vec<String>) -> Option<DnsSource> {
    let name = s.required("name", "name: substation", values::host);
    // The default type depends on the name; `port` is read first, so that messages name it first.
    let is_srv = name.as_ref().is_some_and(|name| name.starts_with('_'));
    let default = if is_srv { Records::Srv } else { Records::Both };
    let port = s.optional("port", values::whole(1..=u16::MAX));
    let records = s.value("type", default, values::parsed);
    let family = s.optional("family", values::parsed);
    let refresh = s.value("refresh", Duration::from_secs(5), values::refresh);
    let timeout = s.value("timeout", Duration::from_secs(2), values::duration);
    let allow_empty = allow_empty(s);
    let resolver = s.optional("resolver", values::resolver);
    if s.is_sound() {
        match (records, port) {
            (Records::Srv, Some(port)) => s.fault(
                "port",
                port.to_string(),
                "SRV records bring their ports: remove it, or write the `type` of an address",
            ),
            (Records::Srv, None) | (_, Some(_)) => {}
            (_, None) => s.fault(
                "port",
                String::new(),
                "is missing: write it as in `port: 5001`, or `type: SRV`",
            ),
        }
    }
    let only = match records {
        Records::A => Some(Family::Ipv4),
        Records::Aaaa => Some(Family::Ipv6),
        Records::Both | Records::Srv => None,
    };
    if s.is_sound()
        && let (Some(only), Some(family)) = (only, family)
        && only != family
    {
        s.fault(
            "family",
            String::new(),
            "is for a `type` with both kinds of addresses, A+AAAA or SRV: remove it",
        );
    }
    let source = DnsSource {
        name: name?,
        port,
        records,
        family: only.or(family).unwrap_or_default(),
        refresh,
        timeout,
        allow_empty,
        resolver,
    };
    if !s.is_sound() {
        return None;
    }
    match claim_source(taken, source.to_string()) {
        Ok(_) => Some(source),
        Err(rule) => {
            s.fault("name", format!("{:?}", source.name), &rule);
            None
        }
    }
}

/// The long form of `substation:5001`, or of `_charge._tcp.substation` for SRV.
fn short_dns(text: &str) -> Vec<(&'static str, Node)> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse::<u64>().ok()),
        None => (text, None),
    };
    match port {
        Some(port) => vec![
            ("name", Node::Text(name.to_owned())),
            ("port", Node::Number(Number::Whole(port), port.to_string())),
        ],
        None => vec![("name", Node::Text(text.to_owned()))],
    }
}

/// The sources of one kind, in the short form or as maps; `read` also gets the names that are taken.
fn sources<T>(
    s: &mut Section<'_>,
    key: &'static str,
    example: &str,
    expand: impl Fn(&str) -> Vec<(&'static str, Node)>,
    mut read: impl FnMut(&mut Section<'_>, &mut Vec<String>) -> Option<T>,
) -> Vec<T> {
    let nodes = s.optional(key, |node| values::list(node, example, MOST_SOURCES));
    let mut nodes = nodes.unwrap_or_default();
    for node in &mut nodes {
        if let Node::Text(text) = node {
            let entries = expand(text).into_iter();
            *node = Node::Map(entries.map(|(key, node)| (key.to_owned(), node)).collect());
        }
    }
    let mut taken = Vec::new();
    s.each(key, &nodes, |s, _| read(s, &mut taken))
}

/// Claims `name`, which identifies a source; else the rule that it breaks.
fn claim_source(taken: &mut Vec<String>, name: String) -> Result<String, String> {
    if taken.contains(&name) {
        return Err("is already a source: remove one".to_owned());
    }
    taken.push(name.clone());
    Ok(name)
}

fn allow_empty(s: &mut Section<'_>) -> bool {
    s.value("allow_empty", false, values::boolean)
}
