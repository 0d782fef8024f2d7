//! What differs between the routes of two configurations. A route is known by its path and its methods.

use std::collections::BTreeMap;

use serde_json::Value;
use switchyard_config::Route;

use super::{bounded_of, differences, leaves, preferences};

/// The differences, one line each.
pub(super) fn between(before: &[Route], now: &[Route]) -> Vec<String> {
    let added = now.iter().filter(|route| same(before, route).is_none());
    let removed = before.iter().filter(|route| same(now, route).is_none());
    let named = |what: &'static str| move |route: &Route| format!("{} {what}", name(route));
    let changed = now.iter().flat_map(|route| {
        let was = same(before, route).filter(|was| *was != route);
        let lines = was.map(|was| changes(was, route)).unwrap_or_default();
        let name = name(route);
        lines.into_iter().map(move |line| format!("{name}: {line}"))
    });
    let mut lines = bounded_of("routes", added.map(named("added")), "added");
    lines.extend(bounded_of(
        "routes",
        removed.map(named("removed")),
        "removed",
    ));
    lines.extend(bounded_of("keys of routes", changed, "changed"));
    lines
}

fn same<'r>(all: &'r [Route], as_this: &Route) -> Option<&'r Route> {
    all.iter().find(|route| name(route) == name(as_this))
}

fn name(route: &Route) -> String {
    match &route.methods {
        None => format!("route {}", route.path),
        Some(methods) => format!("route {} ({})", route.path, methods.join(", ")),
    }
}

fn changes(was: &Route, is: &Route) -> Vec<String> {
    let [before, now] = [was, is].map(|route| {
        let mut keys = BTreeMap::new();
        if let Ok(value) = serde_json::to_value(route) {
            let with_select = |mut value: Value| {
                // By nothing is something else than by what all select by.
                let selects = route.select.as_ref().is_some_and(|all| !all.is_empty());
                if let Some(map) = value.as_object_mut().filter(|_| !selects) {
                    let what = if route.select.is_some() {
                        "nothing"
                    } else {
                        "as the file's"
                    };
                    map.insert("select".to_owned(), what.into());
                }
                value
            };
            leaves(&with_select(value), "", &mut keys);
        }
        keys
    });
    let [selected, selects] = [was, is].map(|route| route.select.as_deref().unwrap_or_default());
    let mut lines: Vec<_> = preferences(selected, selects).into_iter().collect();
    lines.extend(differences(&before, &now, |key, was, is| {
        format!("{key}: {was} → {is}")
    }));
    lines
}

#[cfg(test)]
mod tests {
    use switchyard_config::Config;

    use super::*;

    #[test]
    fn each_difference_is_a_line_with_its_route() {
        let routes = |text: &str| {
            let text =
                format!("substations: [{{name: a, address: 127.0.0.1:1}}]\nroutes: [{text}]");
            Config::from_yaml(&text, "test").unwrap().routes
        };
        let before = routes(
            "{path: /a}, {path: /b, methods: [GET]}, {path: /c/, load: 2, select: {x: {field: x, prefer: true}, y: {field: y, \
             prefer: true}}}, {path: /d}",
        );
        let now = routes(
            "{path: /d, select: {}}, {path: /b, methods: [PUT, GET]}, {path: /c/, load: {field: n}, lasts: session, select: {y: \
             {field: y, prefer: true}, x: {field: x, prefer: true}}}, {path: /a}",
        );
        assert_eq!(
            between(&before, &now),
            [
                "route /b (PUT, GET) added",
                "route /b (GET) removed",
                "route /d: select: as the file's → nothing",
                "route /c/: select: preferred in the order x, y → y, x",
                "route /c/: buffer: false → true",
                "route /c/: lasts: answer → session",
                "route /c/: load: 2.0 → nothing",
                "route /c/: load.default: nothing → 1.0",
                "route /c/: load.field: nothing → n",
                "route /c/: load.per: nothing → 1.0",
            ]
        );
        assert_eq!(between(&now, &now), [""; 0]);
        let many: Vec<_> = (0..100).map(|at| format!("{{path: /{at}}}")).collect();
        let lines = between(&[], &routes(&many.join(", ")));
        assert_eq!(lines.last().unwrap(), "and 80 more routes added");
    }
}
