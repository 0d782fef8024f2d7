//! No body makes the readers of charges and of routes' loads panic. They find what a plain reader of JSON finds, and blanks,
//! the order of fields and the way they are written don't change what a charge is.

#![no_main]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use switchyard_balance::Load;
use switchyard_idempotency::Fingerprint;

// Parts of a crate that takes minutes to build with its dependencies; the files themselves need few.
#[path = "../../proxy/src/dispatch/charge/fields.rs"]
#[allow(dead_code, reason = "the proxy uses the rest")]
mod fields;
#[path = "../../proxy/src/dispatch/charge/loose.rs"]
mod loose;

use fields::{Fields, Found};
use loose::Loose;

/// What counts of a charge.
type Read = Option<(Option<Load>, bool, Fingerprint)>;

fn rules<'a>() -> Fields<'a, 'a> {
    Fields {
        load_field: "power_kw",
        is_keyed: true,
        is_charge: true,
        wanted: None,
    }
}

fn of(found: Result<Found, serde_json::Error>) -> Read {
    let found = found.ok()?;
    Some((found.load, found.is_named, found.fingerprint(None)))
}

fn read(body: &[u8]) -> Read {
    let read = of(rules().read(serde_json::Deserializer::from_slice(body)));
    if let Ok(text) = str::from_utf8(body) {
        let text = of(rules().read(serde_json::Deserializer::from_str(text)));
        assert_eq!(text, read, "as text");
    }
    read
}

/// The entries of a JSON object, also those whose key comes twice.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Entries(all))
            }
        }

        from.deserialize_map(All)
    }
}

/// An amount of a plain reader: `Err` if the rules refuse it.
fn amount(value: &Value) -> Result<Option<Load>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => {
            let load = number.as_f64().and_then(Load::new);
            load.filter(|load| *load > Load::ZERO).map(Some).ok_or(())
        }
        _ => Err(()),
    }
}

/// The load and whether there is a name, as a plain reader finds them.
fn expected(entries: &Entries) -> Result<(Option<Load>, bool), ()> {
    let (mut load, mut is_named) = (None, false);
    for (name, value) in &entries.0 {
        match name.as_str() {
            "power_kw" if load.is_some() => return Err(()),
            "power_kw" => load = amount(value)?,
            "energy_kwh" => drop(amount(value)?),
            "vehicle_id" => match value {
                Value::String(_) => is_named = true,
                Value::Null => {}
                _ => return Err(()),
            },
            _ => {}
        }
    }
    Ok((load, is_named))
}

/// The same charge in other words, if each of its fields comes once.
fn in_other_words(entries: &Entries) -> Option<String> {
    let mut names: Vec<_> = entries.0.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let all = entries.0.iter().rev();
    let all = all.map(|(name, value)| format!("{} :\n{value:#}", Value::from(name.as_str())));
    let all: Vec<_> = all.collect();
    (names.len() == entries.0.len()).then(|| format!("\t{{{}}} ", all.join(" ,")))
}

/// The first number under this name.
fn first_number(entries: &Entries, name: &str) -> Option<f64> {
    let named = entries.0.iter().filter(|(field, _)| field == name);
    named.filter_map(|(_, value)| value.as_f64()).next()
}

fuzz_target!(|body: &[u8]| {
    let loose = Loose::read(body, Some("power_kw"), None);
    let read_at_once = read(body);
    let padded = read(&[b" \n", body, b"\r\t"].concat());
    assert_eq!(padded, read_at_once, "blanks around it");
    // What a plain reader does not read has fields that the proxy skips, such as a number that is out of range.
    let Ok(entries) = serde_json::from_slice::<Entries>(body) else {
        return;
    };
    assert_eq!(loose, first_number(&entries, "power_kw"), "of a route");
    let known = read_at_once.map(|(load, is_named, _)| (load, is_named));
    assert_eq!(known.ok_or(()), expected(&entries));
    if let Some(other) = in_other_words(&entries) {
        assert_eq!(read(other.as_bytes()), read_at_once, "as {other}");
    }
});
