//! Advice on routes.

use super::{Advice, note_in};
use crate::{Config, Route};

impl Config {
    pub(super) fn on_routes(&self, all: &mut Vec<Advice>) {
        let path = &self.load.path;
        let path = path.split('?').next().unwrap_or(path);
        let exposes = |route: &&Route| {
            let asked = route.upstream_path.as_ref().unwrap_or(&route.path);
            let is_there = path == asked || (route.is_prefix() && path.starts_with(asked));
            is_there && route.takes("GET")
        };
        if let Some(route) = self.routes.iter().find(exposes) {
            note_in(all)(
                "routes[].path",
                route.path.clone(),
                format!(
                    "takes clients to load.path ({path}) of substations too, so they read the gauges: write the paths \
                     that are meant, or `methods`"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn gauges_are_not_for_clients() {
        let advised = |routes: &str| {
            let yaml =
                format!("substations: [{{name: a, address: 127.0.0.1:5001}}]\nroutes: [{routes}]");
            let advice = Config::from_yaml(&yaml, "test").unwrap().advice();
            advice.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for unwise in [
            "{path: /}",
            "{path: /v1/}, {path: /metrics}",
            "{path: /v1/, upstream_path: /}",
        ] {
            let all = advised(unwise);
            assert_eq!(all.len(), 1, "{all:?}");
            assert!(
                all.concat()
                    .contains("takes clients to load.path (/metrics)"),
                "{all:?}"
            );
        }
        for wise in [
            "{path: /v1/}",
            "{path: /, methods: [POST]}",
            "{path: /metrics/}",
            "{path: /metrics, upstream_path: /a}",
        ] {
            assert_eq!(advised(wise), [""; 0], "{wise}");
        }
    }
}
