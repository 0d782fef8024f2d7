//! Reads what requests select by.

use super::{MOST_SELECTS, Select, SelectFrom};
use crate::{labels, tree::Node, values, walk::Section};
use http::HeaderName;
use switchyard_http1::is_counted_on;
use switchyard_wire::names;

const EXAMPLE: &str = "select: {connector: {field: connector_type}}";

/// Headers that concern one connection or carry a secret, and those that this proxy reads itself and no client may name
/// in `Connection`, are not for labels.
const TAKEN: [&str; 14] = [
    "authorization",
    "connection",
    "cookie",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    names::ENDPOINT_LOAD_METRICS,
    names::IDEMPOTENT_REPLAYED,
    names::POSSIBLE_HOLDER,
];

/// What requests select by, in the order of the file.
pub(crate) fn select(file: &mut Section<'_>) -> Vec<Select> {
    let named = file.named("select", EXAMPLE);
    if named.len() > MOST_SELECTS {
        let rule = format!("has {} labels; the most is {MOST_SELECTS}", named.len());
        file.fault("select", String::new(), &rule);
        return Vec::new();
    }
    let mut all = Vec::new();
    for entry in named {
        if let Err(rule) = labels::check_name(entry.name) {
            file.refuse(&entry.path, || (String::new(), rule));
        }
        let label = entry.name;
        all.extend(file.walk_at(&entry.path, entry.node, |s| one(s, label)));
    }
    all
}

fn one(s: &mut Section<'_>, label: &str) -> Option<Select> {
    let field = s.optional("field", values::field).map(SelectFrom::Field);
    let header = s.optional("header", header).map(SelectFrom::Header);
    let has = ["field", "header"].map(|key| s.has(key));
    let from = match has {
        [false, false] => {
            let rule = "is missing, and `header` too: write where a request says it, as in `field: connector_type`";
            s.fault("field", String::new(), rule);
            None
        }
        [true, true] => {
            let rule = "is one place too many beside `field`: remove one of them";
            s.fault("header", String::new(), rule);
            None
        }
        _ => field.or(header),
    };
    let prefer = s.value("prefer", false, values::boolean);
    let spill_at = s.optional("spill_at", values::share);
    if let (Some(spill_at), false) = (spill_at, prefer) {
        let rule = "is for a preference: write `prefer: true` beside it, or remove it";
        s.fault("spill_at", spill_at.to_string(), rule);
    }
    let at_least = s.value("at_least", false, values::boolean);
    Some(Select {
        label: label.to_owned(),
        from: from?,
        prefer,
        spill_at,
        at_least,
    })
}

/// The name of a header that clients may use for a label, in lower case.
pub(crate) fn header(node: &Node) -> Result<String, String> {
    let name = values::text_as_written(node)?;
    let Ok(name) = name.parse::<HeaderName>() else {
        return Err("is not the name of a header: write it as in x-zone".to_owned());
    };
    if TAKEN.contains(&name.as_str()) || is_counted_on(name.as_str().as_bytes()) {
        return Err(
            "has a meaning of its own between clients and proxies: take another, as x-zone"
                .to_owned(),
        );
    }
    Ok(name.as_str().to_owned())
}
