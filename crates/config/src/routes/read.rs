//! Reads the routes of the file.

use super::{Affinity, AffinityFrom, MOST_ROUTES, Route, RouteErrors, RouteLoad};
use crate::{
    ErrorShape, LARGEST_NOUN, RouteLasts,
    select::{header, select},
    tree::Node,
    values,
    walk::Section,
};
use http::{HeaderName, Method};
use std::collections::{HashMap, HashSet};

const EXAMPLE: &str = "routes: [{path: /v1/, load: 1, lasts: answer}]";
/// The most methods of a route.
pub(super) const MOST_METHODS: usize = 16;
/// The longest name of a method, in bytes.
const LONGEST_METHOD: usize = 32;

/// The routes, in the order of the file. No two take the same method of the same path.
pub(crate) fn routes(file: &mut Section<'_>) -> Vec<Route> {
    let read = |node: &Node| values::list(node, EXAMPLE, MOST_ROUTES);
    let Some(nodes) = file.optional("routes", read) else {
        return Vec::new();
    };
    let mut taken: HashMap<(String, Option<String>), String> = HashMap::new();
    file.each("routes", &nodes, |s, at| {
        let route = route(s)?;
        let methods = match &route.methods {
            Some(methods) => methods.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        for method in methods {
            let key = (route.path.clone(), method.clone());
            if let Some(first) = taken.get(&key) {
                let what = method.map_or_else(
                    || "which takes every other method too".to_owned(),
                    |method| format!("which takes {method} too"),
                );
                let rule = format!("is the path of {first}, {what}: keep one of them");
                s.fault("path", format!("{:?}", route.path), &rule);
                return None;
            }
            taken.insert(key, at.to_owned());
        }
        Some(route)
    })
}

fn route(s: &mut Section<'_>) -> Option<Route> {
    let path = s.required("path", "path: /v1/", path_alone);
    let methods = methods(s);
    let upstream_path = s.optional("upstream_path", path_alone);
    if let (Some(path), Some(upstream)) = (&path, &upstream_path)
        && path.ends_with('/') != upstream.ends_with('/')
    {
        let rule = if path.ends_with('/') {
            "must end with '/' as `path` does, since it takes the place of a beginning"
        } else {
            "must not end with '/', since `path` is one path and no beginning"
        };
        s.fault("upstream_path", format!("{upstream:?}"), rule);
    }
    let any = s.value("any", false, values::boolean);
    let has_load = s.has("load");
    let load = load(s);
    let load = match load {
        _ if any && !has_load => RouteLoad::Fixed(0.0),
        load => load,
    };
    if any && load != RouteLoad::Fixed(0.0) {
        let rule = "reserves nothing beside `any: true`: write 0, or remove one of them";
        s.fault("load", String::new(), rule);
    }
    let lasts = s.value("lasts", RouteLasts::default(), values::parsed);
    let buffer = s.value("buffer", lasts == RouteLasts::Session, values::boolean);
    if buffer && lasts == RouteLasts::Connection {
        let rule =
            "reads whole messages, and a connection is none: remove it, or write `lasts: answer`";
        s.fault("buffer", "true".to_owned(), rule);
    }
    let own = s.has("select");
    let select = select(s);
    let affinity = s.optional_section("affinity", affinity);
    if any && affinity.is_some() {
        let rule = "chooses by how full a substation is, which `any: true` does not look at: remove one of them";
        s.fault("affinity", String::new(), rule);
    }
    let errors = s.section("errors", errors);
    Some(Route {
        path: path?,
        methods,
        upstream_path,
        load,
        lasts,
        buffer,
        any,
        select: own.then_some(select),
        affinity,
        errors,
    })
}

/// The path of a URL, without a query.
fn path_alone(node: &Node) -> Result<String, String> {
    let path = values::path(node)?;
    if path.contains(['?', '#']) {
        return Err("must be a path without a query: remove what comes after it".to_owned());
    }
    Ok(path)
}

fn methods(s: &mut Section<'_>) -> Option<Vec<String>> {
    let list = |node: &Node| values::list(node, "methods: [GET, POST]", MOST_METHODS);
    let methods = s.items("methods", list, method)?;
    let mut names = HashSet::new();
    if let Some(twice) = methods.iter().find(|name| !names.insert(*name)) {
        let rule = format!("names {twice} twice: keep one");
        s.fault("methods", String::new(), &rule);
        return None;
    }
    Some(methods)
}

fn method(node: &Node) -> Result<String, String> {
    let method = values::text_as_written(node)?;
    let is_name = Method::from_bytes(method.as_bytes()).is_ok();
    let is_usual = method.len() <= LONGEST_METHOD && method != "CONNECT";
    if !is_name || !is_usual || method != method.to_ascii_uppercase() {
        return Err("is not a method that a path can have: write it as in POST".to_owned());
    }
    Ok(method.to_owned())
}

/// The load of a request: a number, or a map.
fn load(s: &mut Section<'_>) -> RouteLoad {
    const MAP: &str = "load";
    if s.is_map(MAP) {
        let field = |s: &mut Section<'_>| {
            let field = s.required("field", "field: max_tokens", values::field);
            let default = s.value("default", 1.0, values::load);
            let per = s.value("per", 1.0, values::load);
            Some(RouteLoad::Field {
                field: field?,
                default,
                per,
            })
        };
        return s.optional_section(MAP, field).unwrap_or_default();
    }
    s.value(MAP, RouteLoad::default(), |node| {
        let load = match node {
            Node::Number(number, _) if number.as_f64() == 0.0 => Ok(0.0),
            node => values::load(node),
        };
        load.map(RouteLoad::Fixed).map_err(|rule| match node {
            Node::Number(..) if rule.contains("above 0") => {
                "must be 0 or a number above it, and finite".to_owned()
            }
            Node::Number(..) => rule,
            _ => format!("{rule}, or a map as in `load: {{field: max_tokens, per: 1000}}`"),
        })
    })
}

fn affinity(s: &mut Section<'_>) -> Option<Affinity> {
    let by_header = s.optional("header", header).map(AffinityFrom::Header);
    let by_cookie = s.optional("cookie", cookie).map(AffinityFrom::Cookie);
    let from = match ["header", "cookie"].map(|key| s.has(key)) {
        [false, false] => {
            let rule = "is missing, and `cookie` too: write where a request names its value, as in `header: x-session`";
            s.fault("header", String::new(), rule);
            None
        }
        [true, true] => {
            let rule = "is one place too many beside `header`: remove one of them";
            s.fault("cookie", String::new(), rule);
            None
        }
        _ => by_header.or(by_cookie),
    };
    let spill_at = s.value("spill_at", Affinity::SPILL_AT, values::share);
    Some(Affinity {
        from: from?,
        spill_at,
    })
}

/// The name of a cookie. It has the form of a header's name (RFC 6265 §4.1.1), and its case counts.
fn cookie(node: &Node) -> Result<String, String> {
    let name = values::text_as_written(node)?;
    if name.parse::<HeaderName>().is_err() {
        return Err("is not the name of a cookie: write it as in session_id".to_owned());
    }
    Ok(name.to_owned())
}

fn errors(s: &mut Section<'_>) -> RouteErrors {
    RouteErrors {
        noun: s.optional("noun", noun),
        shape: s.value("shape", ErrorShape::default(), values::parsed),
    }
}

/// A word for what answers. It stands in sentences, so it needs no quoting.
fn noun(node: &Node) -> Result<String, String> {
    let noun = values::text_as_written(node)?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-';
    let begins_well = noun.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends_well = noun.ends_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && ends_well && noun.len() <= LARGEST_NOUN && noun.bytes().all(is_word) {
        return Ok(noun.to_owned());
    }
    Err(format!(
        "must be a word of at most {LARGEST_NOUN} letters, for messages as in \"no backend has room\": write it as in backend"
    ))
}
