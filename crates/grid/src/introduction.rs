//! How a grid learns what its substations call themselves, so that sessions are found by their ids.

use std::sync::Arc;

use memchr::memmem;
use switchyard_config::check_name;
use tracing::{debug, info, warn};

use crate::{carried::CarriedNaming, grid::Grid, substation::Substation};

impl Grid {
    /// Notes what `substation` calls itself by the answer to a booking, unless its metrics page says it.
    pub fn booked_by(&self, substation: &Arc<Substation>, answer: &[u8]) {
        let naming = substation.naming();
        if naming.is_on_page() {
            return;
        }
        if let Some(name) = name_in(answer)
            && !naming.is_own(name)
        {
            self.introduce(substation, name);
        }
    }

    /// Notes what `substation` calls itself by its metrics page.
    pub(crate) fn names_itself(&self, substation: &Arc<Substation>, name: &str) {
        let naming = substation.naming();
        // It takes the name back where the other substation that took it has gone.
        if naming.is_own(name) && self.shared.own_names.find(name).is_some() {
            return;
        }
        if check_name(name).is_ok() {
            naming.note_on_page();
            self.introduce(substation, name);
        }
    }

    fn introduce(&self, substation: &Arc<Substation>, name: &str) {
        if check_name(name).is_err() {
            return;
        }
        let (listed, own) = (substation.name(), name);
        let before = substation.naming().rename(name, substation.id().get());
        if before.is_none() && listed != own {
            info!(
                substation = listed,
                own, "Substation calls itself by a name of its own"
            );
        } else {
            debug!(substation = listed, own, ?before, "Substation calls itself");
        }
        let names = &self.shared.own_names;
        if let Some(before) = before {
            names.release(&before, substation);
        }
        if let Some(other) = names.claim(name, substation)
            && other.is_reachable()
            && self.position(&other).is_some()
        {
            let other = other.name();
            warn!(
                substation = listed,
                other,
                own,
                "Two substations call themselves the same: sessions of one can't be found by their ids; name them differently"
            );
        }
    }

    /// Notes what another process knows of the names of `substation`, unless more is known here.
    pub(crate) fn restore_names(&self, substation: &Arc<Substation>, carried: &CarriedNaming) {
        let naming = substation.naming();
        if carried.is_heard {
            naming.note_heard();
        }
        let Some(name) = carried
            .own
            .as_deref()
            .filter(|name| check_name(name).is_ok())
        else {
            return;
        };
        if naming.own().is_none() {
            if carried.is_on_page {
                naming.note_on_page();
            }
            naming.rename(name, substation.id().get());
            if self.shared.own_names.find(name).is_none() {
                self.shared.own_names.claim(name, substation);
            }
        }
    }

    /// How many substations may hold sessions under a name that is not known yet.
    #[must_use]
    pub fn unheard(&self) -> usize {
        let all = self.substations().iter();
        all.filter(|substation| substation.naming().is_unheard())
            .count()
    }
}

/// The name of the substation in the answer to a booking: `"substation": NAME` beside `"session_id": "NAME-…"`. Both
/// are needed, so that a field of another meaning teaches nothing.
fn name_in(answer: &[u8]) -> Option<&str> {
    let name = text_of(answer, b"\"substation\"")?;
    let id = text_of(answer, b"\"session_id\"")?;
    id.strip_prefix(name)?.starts_with('-').then_some(name)
}

/// The id of the session in the answer to a booking.
#[must_use]
pub fn session_in(answer: &[u8]) -> Option<&str> {
    text_of(answer, b"\"session_id\"").filter(|id| !id.is_empty())
}

/// The text of a JSON field, where it needs no unescaping.
fn text_of<'a>(json: &'a [u8], field: &[u8]) -> Option<&'a str> {
    let after = json.get(memmem::find(json, field)? + field.len()..)?;
    let after = after.trim_ascii_start().strip_prefix(b":")?;
    let text = after.trim_ascii_start().strip_prefix(b"\"")?;
    let text = text.get(..memchr::memchr2(b'"', b'\\', text)?)?;
    str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use switchyard_config::{self as config, Config};
    use switchyard_telemetry::Registrar;

    use super::*;
    use crate::{clock::Clock, metrics::GridMetrics, names::Names};

    /// A grid of these substations, by their names and the last part of their addresses.
    fn grid(substations: &[(&str, u8)]) -> Grid {
        let registry = prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        Grid::new(&listing(substations), &metrics, Clock::start(), 1).unwrap()
    }

    fn listing(substations: &[(&str, u8)]) -> Config {
        let mut config =
            Config::from_yaml("substations: [{name: a, address: 127.0.0.1:1}]", "test").unwrap();
        let listed = substations.iter().map(|(name, last)| {
            let address = ([10, 0, 0, *last], 5001).into();
            config::Substation::new((*name).to_owned(), address)
        });
        config.substations = listed.collect();
        config
    }

    /// The position in the grid of the holder of a session.
    fn holder(grid: &Grid, id: &str) -> Option<usize> {
        let holder = Names::new(grid, &[]).holder(id)?;
        grid.position(&holder)
    }

    #[test]
    fn sessions_of_substations_known_by_address_are_found_by_what_these_call_themselves() {
        let grid = grid(&[("10.0.0.1:5001", 1), ("10.0.0.2:5001", 2), ("north", 3)]);
        let [first, second, north] = grid.substations() else {
            panic!()
        };
        assert_eq!((holder(&grid, "n-1-00"), grid.unheard()), (None, 2));
        first.naming().note_heard();
        second.naming().note_heard();
        assert_eq!(grid.unheard(), 0);
        grid.names_itself(first, "n-1");
        grid.booked_by(second, br#"{"session_id":"n-00","substation":"n"}"#);
        // The longest name counts, as among listed names.
        for (id, at) in [
            ("n-1-00", Some(0)),
            ("n-00", Some(1)),
            ("n-2-00", Some(1)),
            ("north-00", Some(2)),
            ("10.0.0.1:5001-00", Some(0)),
            ("x-00", None),
        ] {
            assert_eq!(holder(&grid, id), at, "{id}");
        }
        assert!(grid.find("n-1").is_some_and(|found| found == first));
        assert!(grid.find("x").is_none());
        // A page goes before answers, and a new name takes the place of the old one.
        grid.booked_by(first, br#"{"session_id":"y-00","substation":"y"}"#);
        assert_eq!(holder(&grid, "y-00"), None);
        grid.names_itself(first, "z");
        assert_eq!(
            (holder(&grid, "z-00"), holder(&grid, "n-1-00")),
            (Some(0), Some(1))
        );
        // A substation that has a name here may call itself by another name.
        grid.names_itself(north, "n-1");
        assert_eq!(
            (holder(&grid, "n-1-00"), holder(&grid, "north-00")),
            (Some(2), Some(2))
        );
        assert_eq!(north.public_name().as_str(), "north");
        for unfit in ["", "a b", "-a", "10.0.0.3:5001"] {
            grid.names_itself(north, unfit);
            assert_eq!(*north.own_name().unwrap(), "n-1");
        }
    }

    #[test]
    fn a_name_goes_to_the_substation_that_took_it_last_and_back_when_that_is_gone() {
        let registry = prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        let mut pods = grid(&[("10.0.0.1:5001", 1), ("10.0.0.2:5001", 2)]);
        {
            let [old, new] = pods.substations() else {
                panic!()
            };
            for _ in 0..2 {
                pods.names_itself(old, "pod-0");
            }
            pods.names_itself(new, "pod-0");
            // It still says so, as long as it lives.
            pods.names_itself(old, "pod-0");
        }
        assert_eq!(holder(&pods, "pod-0-00"), Some(1));
        let only_old = listing(&[("10.0.0.1:5001", 1)]);
        let next = pods.rebuild(&only_old, &metrics, &[], 1).unwrap();
        drop(pods.retire(&next));
        pods = next;
        pods.names_itself(&pods.substations()[0], "pod-0");
        assert_eq!(holder(&pods, "pod-0-00"), Some(0));

        // A substation that is listed under the name that it says keeps that name.
        let grid = grid(&[("north", 1), ("10.0.0.2:5001", 2)]);
        let [listed, other] = grid.substations() else {
            panic!()
        };
        grid.names_itself(other, "north");
        assert_eq!(holder(&grid, "north-00"), Some(0));
        grid.names_itself(listed, "north");
        assert_eq!(holder(&grid, "north-00"), Some(0));
        // Crossed names: what each calls itself counts.
        grid.names_itself(listed, "south");
        assert_eq!(holder(&grid, "south-00"), Some(0));
    }

    #[test]
    fn a_name_is_learned_only_where_the_session_id_begins_with_it() {
        for (answer, name) in [
            (
                r#"{"session_id":"n-1-00ff","substation":"n-1","power_kw":7}"#,
                Some("n-1"),
            ),
            (
                r#"{ "substation" : "north" , "session_id" : "north-1" }"#,
                Some("north"),
            ),
            (r#"{"session_id":"8c3f-00ff","substation":"north"}"#, None),
            (r#"{"session_id":"north","substation":"north"}"#, None),
            (r#"{"session_id":"north-1"}"#, None),
            (r#"{"substation":"north"}"#, None),
            (r#"{"session_id":7,"substation":["north"]}"#, None),
            (r#"{"session_id":"a\"b-1","substation":"a\"b"}"#, None),
            (r#"{"session_id":"north-1","substation":"north"#, None),
            ("", None),
        ] {
            assert_eq!(name_in(answer.as_bytes()), name, "{answer}");
        }
    }
}
