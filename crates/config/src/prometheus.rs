//! Gauges from Prometheus, in place of scrapes.

mod selector;

use super::{
    Authorization, UpstreamTls, json_schema, show,
    tree::Node,
    upstream_tls::{authorization, upstream_tls},
    values,
    walk::Section,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The longest query, in bytes: it travels in a URL.
const LONGEST_QUERY: usize = 4096;
/// The label that Prometheus gives the address of what it scrapes.
const INSTANCE: &str = "instance";

/// Where Prometheus is asked for the load of all substations.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["url", "query"]))]
pub struct Prometheus {
    /// The URL of Prometheus, or of what speaks its API, up to `/api/v1`.
    #[schemars(with = "json_schema::Text")]
    pub url: String,
    /// A selector of the load gauges of all substations.
    #[schemars(with = "json_schema::Selector")]
    pub query: String,
    /// How a series is matched to its substation.
    #[serde(rename = "match")]
    #[schemars(extend("default" = Matching::default()))]
    pub matching: Matching,
    /// A query for the capacities of all substations; without it, none is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub capacity_query: Option<String>,
    /// The time from one round of queries to the next.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration", extend("default" = "5s"))]
    pub interval: Duration,
    /// The limit of one round, from connecting to the answer's last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration", extend("default" = "2s"))]
    pub timeout: Duration,
    /// The most that the times of samples can be wrong by, either way.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration", extend("default" = "1s"))]
    pub max_skew: Duration,
    /// What queries carry, to be let in; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// TLS for a URL that begins with `https://`; without it, the system's authorities are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
}

/// How a series is matched to its substation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Matching {
    /// The label whose value is the address or the name of the substation.
    #[schemars(with = "json_schema::SeriesLabel")]
    pub label: String,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            label: INSTANCE.to_owned(),
        }
    }
}

pub(super) fn prometheus(s: &mut Section<'_>) -> Option<Prometheus> {
    let url = s.required("url", "url: http://prometheus:9090", values::api_url);
    let selected = s.required("query", "query: substation_current_load", |node| {
        selector::check(query(node)?)
    });
    let matching = s.section("match", |s| Matching {
        label: s.value("label", INSTANCE.to_owned(), label),
    });
    let capacity_query = s.optional("capacity_query", |node| query(node).map(str::to_owned));
    let interval = s.value("interval", Duration::from_secs(5), values::refresh);
    let timeout = s.value("timeout", Duration::from_secs(2), values::duration);
    let max_skew = s.value("max_skew", Duration::from_secs(1), values::lag);
    let authorization = authorization(s);
    let tls = s.optional_section("tls", |s| Some(upstream_tls(s)));
    if tls.is_some() && url.as_ref().is_some_and(|url| url.starts_with("http:")) {
        s.fault(
            "tls",
            String::new(),
            "is for a `url` that begins with https://: remove it",
        );
    }
    Some(Prometheus {
        url: url?,
        query: selected?,
        matching,
        capacity_query,
        interval,
        timeout,
        max_skew,
        authorization,
        tls,
    })
}

/// The text of a query.
fn query(node: &Node) -> Result<&str, String> {
    match values::text(node)?.trim() {
        "" => Err("must be a query, as in substation_current_load".to_owned()),
        query if query.len() > LONGEST_QUERY => Err(format!(
            "must have at most {LONGEST_QUERY} bytes: let Prometheus record it by a rule, and name that"
        )),
        query => Ok(query),
    }
}

/// The name of a label of a series.
fn label(node: &Node) -> Result<String, String> {
    let label = values::text(node)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_well = label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins_well && label.chars().all(allowed) {
        return Ok(label.to_owned());
    }
    Err(
        "must be the name of a label: letters, digits and '_', the first no digit, as in instance"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn read(prometheus: &str) -> Result<Config, String> {
        let yaml = format!(
            "substations: [{{name: a, address: 127.0.0.1:1}}]\nload: {{prometheus: {prometheus}}}"
        );
        Config::from_yaml(&yaml, "test").map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_its_default_and_no_round_of_scrapes_is_left() {
        let config = read("{url: \"http://a:9090\", query: load}").unwrap();
        let load = &config.load;
        let prometheus = load.prometheus.as_ref().unwrap();
        assert_eq!(prometheus.matching.label, "instance");
        assert_eq!(load.interval(), prometheus.interval);
        assert_eq!((load.interval, load.stale_after), (None, None));
        let shown = yaml_serde::to_string(&config).unwrap();
        assert_eq!(Config::from_yaml(&shown, "shown").unwrap(), config);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (prometheus, fault) in [
            ("{}", "load.prometheus.url: is missing"),
            ("{url: \"http://a\", query: \"\"}", "must be a query"),
            ("{url: \"http://a?b=c\", query: a}", "must have no query"),
            (
                "{url: \"http://a\", query: sum(a)}",
                "must be a selector of series",
            ),
            (
                "{url: \"http://a\", query: a, match: {label: a-b}}",
                "must be the name of a label",
            ),
            (
                "{url: \"http://a\", query: a, tls: {}}",
                "is for a `url` that begins with https://",
            ),
            (
                "{url: \"http://a\", query: a, interval: 10ms}",
                "must be 100ms or more",
            ),
        ] {
            let error = read(prometheus).unwrap_err();
            assert!(error.contains(fault), "{prometheus}: {error}");
        }
    }
}
