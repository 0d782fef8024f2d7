//! The unit of loads.

/// The unit at the end of the name of the load's field; empty if there is none.
pub(super) fn of(load_field: &str) -> &'static str {
    match load_field.rsplit('_').next() {
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
        assert_eq!(of("power_kw"), "kW");
        assert_eq!(of("kw"), "kW");
        assert_eq!(of("n"), "", "sequences have no unit");
    }
}
