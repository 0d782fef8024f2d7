//! The unit of loads.

use switchyard_config::{Config, RouteLoad};

/// The unit at the end of the name of the load's field; empty if there is none, or if requests of a route weigh in another.
pub(super) fn of(config: &Config) -> &'static str {
    let unit = of_field(&config.charge.load_field);
    let is_other = |load: &RouteLoad| match load {
        RouteLoad::Fixed(load) => *load > 0.0 && !unit.is_empty(),
        RouteLoad::Field { field, .. } => of_field(field) != unit,
    };
    if config.routes.iter().any(|route| is_other(&route.load)) {
        return "";
    }
    unit
}

fn of_field(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("kw") => "kW",
        Some("w") => "W",
        Some("mw") => "MW",
        Some("a") => "A",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_suffix_of_the_load_field() {
        assert_eq!(of_field("power_kw"), "kW");
        assert_eq!(of_field("kw"), "kW");
        assert_eq!(of_field("n"), "", "sequences have no unit");
    }

    #[test]
    fn where_routes_weigh_otherwise_there_is_none() {
        let unit = |more: &str| {
            let text = format!("substations: [{{name: a, address: 127.0.0.1:1}}]\n{more}");
            of(&Config::from_yaml(&text, "test").unwrap())
        };
        for (routes, expected) in [
            ("", "kW"),
            ("routes: [{path: /a, any: true}]", "kW"),
            ("routes: [{path: /a, load: {field: max_kw}}]", "kW"),
            ("routes: [{path: /a}]", ""),
            ("routes: [{path: /a, load: {field: max_tokens}}]", ""),
            (
                "charge: {load_field: n}\nroutes: [{path: /a, load: {field: max_kw}}]",
                "",
            ),
        ] {
            assert_eq!(unit(routes), expected, "{routes}");
        }
    }
}
