//! The routes of one configuration, with what is derived from each for its grid.
//!
//! The longest path that takes a request's method wins. Routes are few, so they are looked at one after the other, the
//! longest first. Without routes there is no table, and a request pays one look for that.

use std::{borrow::Cow, sync::Arc};

use switchyard_balance::Load;
use switchyard_config::{Config, Route, RouteLoad};
use switchyard_grid::Grid;
use switchyard_selection::{Affinity, Selections};
use switchyard_wire::names::{ASSIGN_SUBSTATION, REQUEST_CHARGE, SESSIONS};

use super::selections;

/// How many routes a message names.
const NAMED: usize = 10;

/// All routes of a configuration.
#[derive(Debug)]
pub struct RouteTable {
    /// The longest path first; of two with the same path, the one that names its methods.
    rules: Box<[Arc<RouteRule>]>,
    takes_charges: bool,
}

/// One route, and what is derived from it.
#[derive(Debug)]
pub struct RouteRule {
    /// As configured.
    pub config: Route,
    /// Its path, which metrics and traces name it by.
    pub label: Arc<str>,
    /// The load of its requests.
    pub load: LoadRule,
    /// What its requests select by: its own, or what all do.
    pub selections: Option<Arc<Selections>>,
    /// What is kept of preferences for single substations, where its requests have such.
    pub affinity: Option<Affinity>,
}

/// The load of the requests of a route.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadRule {
    /// The same for each.
    Fixed(Load),
    /// What this field of the body says, divided by `per`; else the default.
    Field {
        /// The name of the field.
        field: String,
        /// The load without it.
        default: Load,
        /// How much of it is a load of 1.
        per: f64,
    },
}

/// The route of a request.
#[derive(Debug)]
pub enum Found<'a> {
    /// This one.
    Rule(&'a Arc<RouteRule>),
    /// There are some at its path, with these methods, and it has another one.
    OtherMethods(String),
    /// There is none at its path.
    Nothing,
}

impl RouteTable {
    /// The routes of `config`; none without any. `all` is what requests select by that are no route's.
    pub(super) fn of(
        config: &Config,
        grid: &Grid,
        all: Option<&Arc<Selections>>,
    ) -> Option<Arc<Self>> {
        if config.routes.is_empty() {
            return None;
        }
        let rules = config.routes.iter();
        let rules = rules.map(|route| Arc::new(RouteRule::new(route, config, grid, all)));
        let mut rules: Vec<_> = rules.collect();
        rules.sort_by_key(|rule| {
            let route = &rule.config;
            (usize::MAX - route.path.len(), route.methods.is_none())
        });
        let is_charge = |rule: &Arc<RouteRule>| {
            let route = &rule.config;
            [REQUEST_CHARGE, ASSIGN_SUBSTATION].contains(&route.path.as_str())
                && route.takes("POST")
        };
        Some(Arc::new(Self {
            takes_charges: rules.iter().any(is_charge),
            rules: rules.into(),
        }))
    }

    /// The route of a request. A path of the proxy's own goes before shorter ones.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Found<'_> {
        let least = length_of_own(path);
        let mut found = Found::Nothing;
        for rule in self
            .at(path)
            .take_while(|rule| rule.config.path.len() >= least)
        {
            if rule.config.takes(method) {
                return Found::Rule(rule);
            }
            let methods = rule.config.methods.as_deref().unwrap_or_default();
            let methods = methods.iter().map(String::as_str);
            if let Found::OtherMethods(known) = &mut found {
                for method in methods {
                    if !known.split(", ").any(|one| one == method) {
                        known.push_str(", ");
                        known.push_str(method);
                    }
                }
            } else {
                found = Found::OtherMethods(methods.collect::<Vec<_>>().join(", "));
            }
        }
        found
    }

    /// The route in whose words a request is refused that got no further than its line.
    #[must_use]
    pub fn nearest(&self, method: &str, path: &str) -> Option<&Arc<RouteRule>> {
        match self.find(method, path) {
            Found::Rule(rule) => Some(rule),
            Found::OtherMethods(_) => self.at(path).next(),
            Found::Nothing => None,
        }
    }

    /// Whether one takes charges in place of the proxy itself.
    #[must_use]
    pub fn takes_charges(&self) -> bool {
        self.takes_charges
    }

    /// Some of the paths, to be named in a message.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut paths: Vec<&str> = self.rules.iter().map(|rule| &*rule.label).collect();
        paths.sort_unstable();
        paths.dedup();
        let more = paths.len().saturating_sub(NAMED);
        paths.truncate(NAMED);
        let shown = paths.join(", ");
        if more == 0 {
            shown
        } else {
            format!("{shown} and {more} more")
        }
    }

    fn at(&self, path: &str) -> impl Iterator<Item = &Arc<RouteRule>> {
        self.rules
            .iter()
            .filter(move |rule| rule.config.is_at(path))
    }
}

impl RouteRule {
    fn new(route: &Route, config: &Config, grid: &Grid, all: Option<&Arc<Selections>>) -> Self {
        let own = |select: &Vec<_>| selections::of(select, config, grid);
        let load = |units: f64| Load::new(units).unwrap_or_default();
        Self {
            label: route.path.as_str().into(),
            load: match &route.load {
                RouteLoad::Fixed(units) => LoadRule::Fixed(load(*units)),
                RouteLoad::Field {
                    field,
                    default,
                    per,
                } => LoadRule::Field {
                    field: field.clone(),
                    default: load(*default),
                    per: *per,
                },
            },
            selections: match &route.select {
                Some(select) => own(select),
                None => all.cloned(),
            },
            affinity: route
                .affinity
                .as_ref()
                .map(|affinity| Affinity::new(affinity.spill_at)),
            config: route.clone(),
        }
    }

    /// Whether its requests need no room: any substation may take them, or they weigh nothing.
    #[must_use]
    pub fn needs_no_room(&self) -> bool {
        self.config.any || self.load == LoadRule::Fixed(Load::ZERO)
    }

    /// Whether something in the body of a request decides its load or its substation.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        let selections = self.selections.as_ref();
        matches!(self.load, LoadRule::Field { .. })
            || selections.is_some_and(|selections| selections.reads_fields())
    }

    /// What the substation is asked for by a request for `path`, which is one of this route.
    #[must_use]
    pub fn upstream_path<'a>(&'a self, path: &'a str) -> Cow<'a, str> {
        match &self.config.upstream_path {
            None => Cow::Borrowed(path),
            Some(upstream) => match path.strip_prefix(&self.config.path) {
                Some(rest) if !rest.is_empty() => Cow::Owned([upstream, rest].concat()),
                _ => Cow::Borrowed(upstream),
            },
        }
    }
}

/// The length of the proxy's own path that `path` is, or begins with; 0 at any other.
fn length_of_own(path: &str) -> usize {
    match path {
        REQUEST_CHARGE | ASSIGN_SUBSTATION => path.len(),
        _ if path.starts_with(SESSIONS) => SESSIONS.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use switchyard_grid::Clock;

    use super::*;
    use crate::metrics::Metrics;

    fn table(routes: &str) -> Arc<RouteTable> {
        let text = format!("substations: [{{name: a, address: 127.0.0.1:1}}]\nroutes: [{routes}]");
        let config = Config::from_yaml(&text, "test").unwrap();
        let metrics = Metrics::new().unwrap();
        let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
        RouteTable::of(&config, &grid, None).unwrap()
    }

    /// The path of the route, with the first method that it names; the methods of others; or nothing.
    fn found(table: &RouteTable, method: &str, path: &str) -> String {
        match table.find(method, path) {
            Found::Rule(rule) => {
                let methods = rule.config.methods.as_ref();
                let first = methods.and_then(|methods| methods.first());
                format!("{} {}", first.map_or("*", String::as_str), rule.label)
            }
            Found::OtherMethods(methods) => methods,
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn the_longest_path_that_takes_the_method_wins() {
        let table = table(
            "{path: /v1/, methods: [GET, POST]}, {path: /v1/models, methods: [GET]}, {path: /v1/models, methods: [PUT, HEAD]}, \
             {path: /v1/models/}, {path: /ws, methods: [GET]}, {path: /ws}",
        );
        for (method, path, route) in [
            ("GET", "/v1/models", "GET /v1/models"),
            ("HEAD", "/v1/models", "PUT /v1/models"),
            ("POST", "/v1/models", "GET /v1/"),
            ("DELETE", "/v1/models", "GET, PUT, HEAD, POST"),
            ("DELETE", "/v1/models/a", "* /v1/models/"),
            ("DELETE", "/v1/modelsX", "GET, POST"),
            ("get", "/v1/", "GET, POST"),
            ("GET", "/v1/", "GET /v1/"),
            ("GET", "/v1", "nothing"),
            ("GET", "/V1/", "nothing"),
            ("GET", "/ws", "GET /ws"),
            ("POST", "/ws", "* /ws"),
            ("GET", "/ws/", "nothing"),
            ("GET", "", "nothing"),
        ] {
            assert_eq!(found(&table, method, path), route, "{method} {path}");
        }
        assert_eq!(table.shown(), "/v1/, /v1/models, /v1/models/, /ws");
        assert!(!table.takes_charges());
    }

    #[test]
    fn paths_of_the_proxy_itself_go_before_shorter_ones() {
        let all = table("{path: /}");
        assert_eq!(found(&all, "POST", REQUEST_CHARGE), "nothing");
        assert_eq!(found(&all, "POST", "/request_charg"), "* /");
        let named = table("{path: /, methods: [GET]}, {path: /request_charge, methods: [POST]}");
        assert_eq!(
            found(&named, "POST", REQUEST_CHARGE),
            "POST /request_charge"
        );
        assert_eq!(found(&named, "GET", REQUEST_CHARGE), "POST");
        assert!(named.takes_charges());
        assert!(!table("{path: /request_charge, methods: [GET]}").takes_charges());
        assert!(table("{path: /assign_substation}").takes_charges());
    }

    #[test]
    fn the_path_or_its_beginning_is_replaced() {
        let table = table(
            "{path: /a/, upstream_path: /}, {path: /b, upstream_path: /c/d}, {path: /e/}, {path: /f/, upstream_path: /g/h/}",
        );
        for (path, upstream) in [
            ("/a/x/y", "/x/y"),
            ("/a/", "/"),
            ("/b", "/c/d"),
            ("/e/x", "/e/x"),
            ("/f/f/", "/g/h/f/"),
        ] {
            let Found::Rule(rule) = table.find("GET", path) else {
                panic!("{path}")
            };
            assert_eq!(rule.upstream_path(path), upstream);
        }
    }
}
