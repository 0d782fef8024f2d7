//! Advice on how load is learned.

use humantime::format_duration as shown;

use super::{Advice, GROWING, INTERVALS_TO_STALE, note_in};
use crate::{Config, Load, Prometheus};

impl Config {
    pub(super) fn on_load(&self, all: &mut Vec<Advice>) {
        let load = &self.load;
        match &load.prometheus {
            None => on_scrapes(load, all),
            Some(prometheus) => {
                on_prometheus(prometheus, all);
                if self.feeders.iter().all(|feeder| feeder.load.is_none()) {
                    on_idle_keys(load, all);
                }
            }
        }
        let interval = load.interval();
        if let Some(age) = load.stale_after
            && age < interval * INTERVALS_TO_STALE
        {
            note_in(all)(
                "load.stale_after",
                shown(age).to_string(),
                format!(
                    "is less than {INTERVALS_TO_STALE} × {} ({}), so one lost {} makes a substation stale",
                    load.interval_key(),
                    shown(interval),
                    if load.prometheus.is_some() {
                        "round"
                    } else {
                        "scrape"
                    },
                ),
            );
        }
    }
}

fn on_scrapes(load: &Load, all: &mut Vec<Advice>) {
    let mut note = note_in(all);
    if load.timeout >= load.interval() {
        note(
            "load.timeout",
            shown(load.timeout).to_string(),
            format!(
                "is not below load.interval ({}), so one silent substation delays the next round: \
                 use less than half of it",
                shown(load.interval())
            ),
        );
    }
    for (path, series) in [
        ("load.metric", &load.metric),
        ("load.capacity_metric", &load.capacity_metric),
    ] {
        let suffix = series.terms().find_map(|one| growing(&one.name));
        if let Some(suffix) = suffix {
            note(path, series.to_string(), only_grows(suffix));
        }
    }
}

fn on_prometheus(prometheus: &Prometheus, all: &mut Vec<Advice>) {
    let mut note = note_in(all);
    if prometheus.timeout >= prometheus.interval {
        note(
            "load.prometheus.timeout",
            shown(prometheus.timeout).to_string(),
            format!(
                "is not below load.prometheus.interval ({}), so a silent Prometheus delays the next round: use less \
                 than half of it",
                shown(prometheus.interval)
            ),
        );
    }
    let name = prometheus.query.split('{').next().unwrap_or_default();
    if let Some(suffix) = growing(name.trim()) {
        note(
            "load.prometheus.query",
            prometheus.query.clone(),
            only_grows(suffix),
        );
    }
}

/// Keys that say how substations are scraped, where none is.
fn on_idle_keys(load: &Load, all: &mut Vec<Advice>) {
    let usual = Load::default();
    let said = [
        ("load.path", load.path != usual.path),
        ("load.metric", load.metric != usual.metric),
        (
            "load.capacity_metric",
            load.capacity_metric != usual.capacity_metric,
        ),
        ("load.timeout", load.timeout != usual.timeout),
        ("load.authorization", load.authorization.is_some()),
    ];
    for (path, _) in said.into_iter().filter(|(_, is_said)| *is_said) {
        note_in(all)(
            path,
            "beside load.prometheus".to_owned(),
            "is for scrapes, and nothing is scraped: remove it, or write it below load.prometheus"
                .to_owned(),
        );
    }
}

fn growing(name: &str) -> Option<&'static str> {
    GROWING.into_iter().find(|suffix| name.ends_with(suffix))
}

fn only_grows(suffix: &str) -> String {
    format!("ends in {suffix}, as counters do, which only grow: a gauge is needed")
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn advised(rest: &str) -> Vec<&'static str> {
        let yaml = format!("substations: [{{name: a, address: 127.0.0.1:1}}]\nload: {{{rest}}}");
        let config = Config::from_yaml(&yaml, "test").unwrap();
        config.advice().iter().map(|one| one.path).collect()
    }

    #[test]
    fn keys_of_prometheus_are_weighed_in_place_of_those_of_scrapes() {
        const URL: &str = "url: \"http://127.0.0.1:9090\"";
        assert_eq!(
            advised(&format!("prometheus: {{{URL}, query: load}}")),
            [""; 0]
        );
        for (prometheus, beside, path) in [
            ("query: load, timeout: 5s", "", "load.prometheus.timeout"),
            ("query: 'load_total{a=\"b\"}'", "", "load.prometheus.query"),
            ("query: load", "stale_after: 9s, ", "load.stale_after"),
            ("query: load", "metric: other, ", "load.metric"),
            ("query: load", "timeout: 1s, ", "load.timeout"),
        ] {
            let told = advised(&format!("{beside}prometheus: {{{URL}, {prometheus}}}"));
            assert_eq!(told, [path]);
        }
    }
}
