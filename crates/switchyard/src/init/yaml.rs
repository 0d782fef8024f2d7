//! The configuration as it is written, with comments.

use std::{
    fmt::{self, Write},
    net::SocketAddrV4,
};

use switchyard_config::{Aggregate, Lasts};
use switchyard_survey::Unit;

use super::{file::Target, plan::Plan, sources::Source};

/// The text of the file.
pub(super) fn text(plan: &Plan, target: &Target) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write(&mut text, plan, target);
    text
}

fn write(out: &mut String, plan: &Plan, target: &Target) -> fmt::Result {
    writeln!(
        out,
        "# Written by `switchyard init`. All other keys have their defaults: `switchyard check` shows them.\n\
         # To check a change before it takes effect:  switchyard check --config {target}\n\
         # What a scrape reads of a substation:       switchyard probe NAME --config {target}\n"
    )?;
    writeln!(
        out,
        "listen: {}             # takes requests; for other machines an address of this one, and clients (or tls)\n\
         admin: {{listen: {}}}    # status, metrics and commands; beyond loopback only with a token_file\n",
        quoted(&plan.listen.to_string()),
        quoted(&plan.admin.to_string())
    )?;
    places(out, plan)?;
    sources(out, plan)?;
    load(out, plan)?;
    requests(out, plan)?;
    if let Some(ca) = &plan.ca {
        writeln!(
            out,
            "\nupstream:\n  tls: {{ca: {}}}    # TLS to substations; `system` believes the authorities of the system",
            quoted(ca)
        )?;
    }
    Ok(())
}

fn places(out: &mut String, plan: &Plan) -> fmt::Result {
    if plan.places.is_empty() {
        return Ok(());
    }
    let why = match plan.capacity {
        Some(_) => "the capacity is the most load that one can bear",
        None if plan.capacity_metric.is_some() => {
            "`capacity: 500` would override the capacity gauge"
        }
        None => "`capacity: 500` would bound the load of one; without it all count as equal",
    };
    writeln!(out, "substations:    # {why}")?;
    for (name, address) in plan.named() {
        write!(
            out,
            "  - {{name: {}, address: {}",
            quoted(&name),
            quoted(address)
        )?;
        match plan.capacity {
            Some(capacity) => writeln!(out, ", capacity: {capacity}}}")?,
            None => writeln!(out, "}}")?,
        }
    }
    writeln!(out)
}

fn sources(out: &mut String, plan: &Plan) -> fmt::Result {
    if plan.sources.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "discovery:    # what one found stays when a source is silent; `allow` would bound the addresses"
    )?;
    let lines = |of: &dyn Fn(&Source) -> Option<String>| -> Vec<String> {
        plan.sources.iter().filter_map(of).collect()
    };
    let dns = lines(&|source| match source {
        Source::Dns(name, port) => Some(format!("{{name: {}, port: {port}}}", quoted(name))),
        Source::Srv(name) => Some(format!("{{name: {}, type: SRV}}", quoted(name))),
        _ => None,
    });
    let files = lines(&|source| match source {
        Source::Files(files) => Some(format!("{{files: {}}}", quoted(files))),
        _ => None,
    });
    let urls = lines(&|source| match source {
        Source::Url(url) => Some(format!("{{url: {}}}", quoted(url))),
        _ => None,
    });
    for (key, lines) in [("dns", dns), ("file_sd", files), ("http_sd", urls)] {
        if !lines.is_empty() {
            writeln!(out, "  {key}:")?;
        }
        for line in lines {
            writeln!(out, "    - {line}")?;
        }
    }
    writeln!(out)
}

fn load(out: &mut String, plan: &Plan) -> fmt::Result {
    let metric = plan
        .metric
        .as_deref()
        .unwrap_or(switchyard_wire::names::LOAD_GAUGE);
    let shown = match plan.shown {
        Some((good, all)) => format!("    # {good} of {all} substations show it"),
        None => "    # not looked at: see `switchyard probe`".to_owned(),
    };
    writeln!(out, "load:\n  metric: {}{shown}", quoted(metric))?;
    if let Some(capacity) = &plan.capacity_metric {
        writeln!(out, "  capacity_metric: {}", quoted(capacity))?;
    }
    if plan.aggregate == Aggregate::Sum {
        writeln!(
            out,
            "  aggregate: sum    # a page has several series of it, which are parts of one load; `max` takes the greatest"
        )?;
    }
    if plan.path != "/metrics" {
        writeln!(out, "  path: {}", quoted(&plan.path))?;
    }
    match plan.pace {
        Some((limit, interval)) => writeln!(
            out,
            "  interval: {}ms    # the slowest page takes long: read it less often …\n  \
             timeout: {}ms     # … and wait for it\n  stale_after: {}ms",
            interval.as_millis(),
            limit.as_millis(),
            (interval * 4).as_millis()
        )?,
        None => writeln!(out, "  interval: 500ms    # from one scrape to the next")?,
    }
    if let Some(file) = &plan.token_file {
        writeln!(
            out,
            "  authorization: {{credentials_file: {}}}",
            quoted(file)
        )?;
    }
    writeln!(out)
}

/// What requests are, and what each weighs.
fn requests(out: &mut String, plan: &Plan) -> fmt::Result {
    let is_session = plan.lasts == Some(Lasts::Fixed(switchyard_balance::Lasts::Session));
    let lasts = plan.lasts.unwrap_or_default().name();
    match plan.unit {
        Unit::Requests if plan.known.is_some_and(|known| known.is_openai) => {
            writeln!(
                out,
                "routes:\n  - path: /v1/models      # any server can tell\n    methods: [GET]\n    any: true\n    \
                 errors: {{noun: backend, shape: openai}}\n  - path: /v1/            # chats and completions count until \
                 their answer ends\n    lasts: answer\n    errors: {{noun: backend, shape: openai}}\n"
            )?;
            if plan.capacity.is_some() {
                writeln!(
                    out,
                    "# A request that finds all servers full waits here.\nadmission: {{queue: 1000, timeout: 30s}}"
                )?;
            }
            writeln!(
                out,
                "# Without `stream` an answer begins when all of it is there.\ntimeouts: {{request: 10m, stream_idle: 1m}}"
            )
        }
        Unit::Requests if !is_session => writeln!(
            out,
            "# Each request goes to a substation as it is, whatever its path, and weighs 1 until its answer ends. Clients get\n\
             # to the metrics of substations that way too, which `check` warns of: name the paths that are meant instead.\n\
             routes:\n  - {{path: /, load: 1, lasts: answer}}"
        ),
        unit => {
            let (default, what) = match unit {
                Unit::Power => (11, "11 without it"),
                _ => (1, "1 without it"),
            };
            writeln!(
                out,
                "# A request for room is POST /request_charge. It becomes POST /charge at the substation, and weighs what its \
                 JSON\n# says in load_field, or {what}. `routes` would add other paths, for whatever your clients ask for.\n\
                 charge:\n  upstream_path: /charge\n  load_field: power_kw\n  default_load: {default}\n  \
                 lasts: {lasts}    # session: it outlives the answer; answer; auto: learned from the gauges"
            )
        }
    }
}

/// Words that YAML may take for something else than text.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// A text as YAML has it: plain where that can mean nothing else.
fn quoted(text: &str) -> String {
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-:".contains(&byte);
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let is_word = begins_well
        && !text.ends_with(':')
        && text.bytes().all(is_plain_byte)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_word || text.parse::<SocketAddrV4>().is_ok() {
        return text.to_owned();
    }
    // JSON's strings are YAML's.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
