//! What is legal but unwise: values that are allowed, and probably not what the operator meant.
//!
//! A rule refuses what can't work. Advice is for what works, but worse than it could; it changes nothing.

mod credentials;
mod feeders;
mod load;
mod routes;

use std::fmt;

use humantime::format_duration as shown;

use super::Config;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Its key, as in `load.timeout`.
    pub path: &'static str,
    /// Its value now.
    pub value: String,
    /// Why the value is unwise, and what would be better.
    pub why: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, value, why } = self;
        write!(f, "{path}: {value}: {why}")
    }
}

/// Suffixes by which Prometheus names counters and the parts of a histogram: they only grow, so they are no load.
const GROWING: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// Where collectors take OTLP over gRPC.
const GRPC: u16 = 4317;

/// One lost round of scrapes must not make samples stale.
const INTERVALS_TO_STALE: u32 = 2;

impl Config {
    /// All advice on this configuration. Pure.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let mut all = Vec::new();
        self.on_clients(&mut all);
        self.on_forwarded(&mut all);
        self.on_load(&mut all);
        self.on_requests(&mut all);
        self.on_capacities(&mut all);
        self.on_drains(&mut all);
        self.on_feeders(&mut all);
        self.on_routes(&mut all);
        self.on_traces(&mut all);
        self.on_credentials(&mut all);
        all
    }

    fn on_clients(&self, all: &mut Vec<Advice>) {
        let mut note = note_in(all);
        let clients = &self.listed_clients;
        // Those of a file are read apart.
        let is_open = clients.is_empty() && self.clients_file.is_none();
        let outside = self.listen.iter().find(|listen| !listen.ip().is_loopback());
        if let (true, Some(listen)) = (is_open, outside) {
            note(
                "listen",
                listen.to_string(),
                "is reached from other machines, and without clients everybody who reaches it may book: write clients, \
                 unless something in front of it asks who they are"
                    .to_owned(),
            );
        }
        let client_ca = self.tls.as_ref().and_then(|tls| tls.client_ca.as_ref());
        let has_certificates = clients.iter().any(|one| one.certificate_name.is_some());
        if let Some(file) = client_ca
            && !has_certificates
            && (is_open || !clients.is_empty())
        {
            note(
                "tls.client_ca",
                file.display().to_string(),
                "asks for certificates, and no client has a certificate_name: whatever is shown opens nothing".to_owned(),
            );
        }
    }

    fn on_forwarded(&self, all: &mut Vec<Advice>) {
        if let Some(range) = self
            .forwarded
            .trust
            .iter()
            .find(|range| range.is_everything())
        {
            note_in(all)(
                "forwarded.trust",
                range.to_string(),
                "is every address, so each client says itself which address its limits and the access log go by: write \
                 those of the proxies in front"
                    .to_owned(),
            );
        }
    }

    fn on_requests(&self, all: &mut Vec<Advice>) {
        let (timeouts, limits, admission) = (&self.timeouts, &self.limits, &self.admission);
        let mut note = note_in(all);
        let tries = timeouts.connect.saturating_mul(self.retry.attempts);
        if tries > timeouts.request {
            note(
                "timeouts.request",
                shown(timeouts.request).to_string(),
                format!(
                    "is less than retry.attempts × timeouts.connect ({}): where connecting hangs, not all attempts \
                     are made",
                    shown(tries)
                ),
            );
        }
        if self.retry.keys_for < timeouts.request {
            note(
                "retry.keys_for",
                shown(self.retry.keys_for).to_string(),
                format!(
                    "is less than timeouts.request ({}): a key may be forgotten before its client learns the \
                     outcome",
                    shown(timeouts.request)
                ),
            );
        }
        let exchange = timeouts.request.saturating_sub(timeouts.connect);
        if admission.queue > 0 && admission.timeout > exchange {
            note(
                "admission.timeout",
                shown(admission.timeout).to_string(),
                format!(
                    "leaves no time for an exchange within timeouts.request ({}): a request waits for a shorter time \
                     than this; write less than {}",
                    shown(timeouts.request),
                    shown(exchange)
                ),
            );
        }
        if admission.queue >= limits.requests {
            note(
                "admission.queue",
                admission.queue.to_string(),
                format!(
                    "is limits.requests ({}) or more, so waiting requests can use up the whole limit",
                    limits.requests
                ),
            );
        }
    }

    fn on_capacities(&self, all: &mut Vec<Advice>) {
        let of = &self.substations;
        let stated = of.iter().filter(|one| one.capacity.is_some()).count();
        if stated > 0 && stated < of.len() {
            note_in(all)(
                "substations[].capacity",
                format!("{stated} of {}", of.len()),
                "have a capacity: unless the gauges of the others report one, the scores of the two groups don't \
                 compare; set it for all or for none"
                    .to_owned(),
            );
        }
    }

    fn on_traces(&self, all: &mut Vec<Advice>) {
        let url = self.tracing.iter().map(|tracing| &tracing.otlp);
        let to_grpc = |url: &&String| {
            let uri: Option<http::Uri> = url.parse().ok();
            uri.is_some_and(|uri| uri.port_u16() == Some(GRPC))
        };
        if let Some(url) = url.into_iter().find(to_grpc) {
            note_in(all)(
                "tracing.otlp",
                url.clone(),
                format!(
                    "has port {GRPC}, where collectors take OTLP over gRPC: OTLP over HTTP, which is sent, is taken \
                     at port 4318"
                ),
            );
        }
    }

    fn on_drains(&self, all: &mut Vec<Advice>) {
        let of = &self.substations;
        if !of.is_empty() && of.iter().all(|one| one.drain) && self.discovery.is_empty() {
            note_in(all)(
                "substations[].drain",
                format!("{} of {}", of.len(), of.len()),
                "are drained, and there is no discovery: every charge is refused with 503 no_substation".to_owned(),
            );
        }
    }
}

fn note_in(all: &mut Vec<Advice>) -> impl FnMut(&'static str, String, String) {
    |path, value, why| all.push(Advice { path, value, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(line: &str) -> Vec<&'static str> {
        let yaml = format!("substations: [{{name: a, address: 127.0.0.1:5001}}]\n{line}");
        let config = Config::from_yaml(&yaml, "test").unwrap();
        config.advice().iter().map(|advice| advice.path).collect()
    }

    #[test]
    fn defaults_need_no_advice() {
        assert_eq!(advised(""), [""; 0]);
    }

    #[test]
    fn each_unwise_value_is_named_and_its_wise_neighbour_is_not() {
        for (unwise, wise, path) in [
            (
                "load: {timeout: 500ms}",
                "load: {timeout: 499ms}",
                "load.timeout",
            ),
            (
                "tracing: {otlp: \"http://jaeger:4317\"}",
                "tracing: {otlp: \"http://jaeger:4318\"}",
                "tracing.otlp",
            ),
            (
                "forwarded: {trust: [10.0.0.0/8, \"::/0\"]}",
                "forwarded: {trust: [10.0.0.0/8, \"::/1\"]}",
                "forwarded.trust",
            ),
            (
                "load: {stale_after: 999ms}",
                "load: {stale_after: 1s}",
                "load.stale_after",
            ),
            (
                "load: {metric: requests_total}",
                "load: {metric: total_requests}",
                "load.metric",
            ),
            (
                "load: {capacity_metric: 'seats_bucket{le=\"1\"}'}",
                "load: {capacity_metric: seats}",
                "load.capacity_metric",
            ),
            (
                "timeouts: {request: 599ms}",
                "timeouts: {request: 600ms}",
                "timeouts.request",
            ),
            (
                "retry: {keys_for: 4s}",
                "retry: {keys_for: 5s}",
                "retry.keys_for",
            ),
            (
                "admission: {queue: 10000}",
                "admission: {queue: 9999}",
                "admission.queue",
            ),
            (
                "admission: {queue: 1, timeout: 4801ms}",
                "admission: {queue: 1, timeout: 4800ms}",
                "admission.timeout",
            ),
            (
                "admin: {listen: 10.0.0.1:9901, token_file: t}",
                "admin: {listen: 10.0.0.1:9901, token_file: t, tls: {certificate: c, key: k}}",
                "admin.token_file",
            ),
            (
                "discovery: {http_sd: [{url: 'http://10.0.0.2', authorization: {credentials_file: t}}]}",
                "discovery: {http_sd: [{url: 'http://[::1]:8000', authorization: {credentials_file: t}}]}",
                "discovery.http_sd[].authorization.credentials_file",
            ),
        ] {
            assert_eq!(advised(unwise), [path]);
            assert_eq!(advised(wise), [""; 0], "{wise}");
        }
    }

    #[test]
    fn a_token_of_scrapes_is_not_for_every_network() {
        let advice = |more: &str| {
            let yaml = format!(
                "substations: [{{name: a, address: 10.0.0.1:1}}, {{name: b, address: 127.0.0.1:2}}]\n\
                 load: {{authorization: {{credentials_file: t}}}}\n{more}"
            );
            let advice = Config::from_yaml(&yaml, "test").unwrap().advice();
            advice.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let all = advice("");
        let clear =
            "load.authorization.credentials_file: t: crosses the network in clear text to 1 of 2";
        assert!(all.concat().starts_with(clear), "{all:?}");
        assert_eq!(advice("upstream: {tls: {}}"), [""; 0]);
    }

    #[test]
    fn someone_must_take_charges() {
        let advice = |rest: &str| {
            let yaml = format!(
                "substations: [{{name: a, address: 127.0.0.1:1, drain: true}}, {{name: b, address: 127.0.0.1:2{rest}"
            );
            let advice = Config::from_yaml(&yaml, "test").unwrap().advice();
            advice.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let all = advice(", drain: true}]");
        assert_eq!(all.len(), 1);
        assert!(
            all.concat()
                .starts_with("substations[].drain: 2 of 2: are drained"),
            "{all:?}"
        );
        assert_eq!(advice("}]"), [""; 0]);
        assert_eq!(
            advice(", drain: true}]\ndiscovery: {file_sd: [a.yaml]}"),
            [""; 0]
        );
    }

    #[test]
    fn capacities_are_for_all_or_for_none() {
        let advice = |capacities: [&str; 2]| {
            let [a, b] = capacities;
            let yaml = format!(
                "substations: [{{name: a, address: 127.0.0.1:1{a}}}, {{name: b, address: 127.0.0.1:2{b}}}]"
            );
            Config::from_yaml(&yaml, "test").unwrap().advice()
        };
        assert_eq!(advice(["", ""]), []);
        assert_eq!(advice([", capacity: 1", ", capacity: 2"]), []);
        let one = advice([", capacity: 1", ""]);
        assert_eq!(one.len(), 1);
        let advice = one.first().map(ToString::to_string).unwrap();
        assert!(
            advice.starts_with("substations[].capacity: 1 of 2: have a capacity"),
            "{advice}"
        );
    }
}
