//! A charge request: the body, which is passed on unchanged, and the load in it.
//!
//! The body is read once, by a visitor that keeps only the load. It builds no tree and allocates nothing, however many
//! further fields the body has for the substation.

mod fields;
mod loose;
mod read;
mod routed;

use serde_json::{Deserializer, error::Category};
use switchyard_balance::Load;
use switchyard_config as config;
use switchyard_idempotency::Fingerprint;
use switchyard_selection::Wanted;
use switchyard_wire::{Code, Failure};

use super::needs::Needs;
use fields::{Fields, Found};
pub(super) use routed::Routed;

/// One charge request.
#[derive(Debug)]
pub(super) struct Charge<'a> {
    /// As received.
    pub(super) body: &'a [u8],
    /// The load that it adds to a substation.
    pub(super) load: Load,
    /// Whether it names its vehicle.
    pub(super) is_named: bool,
    /// What tells it from other charges, if that was asked for.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Which substations it can use.
    pub(super) needs: Needs,
    /// Whether a trace tells of its choices.
    pub(super) is_traced: bool,
    /// What it asks for at its route, if it is one's and no charge at all.
    pub(super) route: Option<Box<Routed<'a>>>,
}

impl<'a> Charge<'a> {
    /// Checks a body. Without a load in it, also if it is empty, the configured default applies. `is_keyed` asks for its
    /// fingerprint. `wanted` takes what is read by `select`.
    pub(super) fn parse(
        body: &'a [u8],
        rules: &config::Charge,
        is_keyed: bool,
        mut wanted: Option<&mut Wanted<'_>>,
    ) -> Result<Self, Failure> {
        let found = if body.is_empty() {
            Found::default()
        } else {
            let fields = Fields {
                load_field: &rules.load_field,
                is_keyed,
                is_charge: true,
                wanted: wanted.as_deref_mut(),
            };
            // As text it is checked for UTF-8 once, instead of every string apart.
            let found = match str::from_utf8(body) {
                Ok(text) => fields.read(Deserializer::from_str(text)),
                Err(_) => fields.read(Deserializer::from_slice(body)),
            };
            found.map_err(|error| {
                let why = explain(&error, body, INSTEAD);
                let message = format!("the body is not a charge request: {why}");
                Failure::new(Code::InvalidRequest, message)
            })?
        };
        let load = found
            .load
            .or_else(|| Load::new(rules.default_load))
            .unwrap_or_default();
        Ok(Self {
            body,
            load,
            is_named: found.is_named,
            fingerprint: is_keyed.then(|| {
                let needs = wanted.and_then(|wanted| wanted.digest());
                found.fingerprint(needs)
            }),
            needs: Needs::default(),
            is_traced: false,
            route: None,
        })
    }
}

/// What to send in place of what is no charge.
const INSTEAD: &str = r#"send a JSON object, as in {"power_kw": 11}, or no body at all"#;

/// What is wrong with a body, and what to send instead.
fn explain(error: &serde_json::Error, body: &[u8], instead: &str) -> String {
    let text = error.to_string();
    match error.classify() {
        // Said by the visitors below; where in the body it is adds nothing.
        Category::Data => text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(what, _)| what)
            .to_owned(),
        _ if text.starts_with("number out of range") => "it has a number out of range".into(),
        Category::Eof => format!("its JSON ends too early; {instead}"),
        _ if !body.trim_ascii_start().starts_with(b"{") && body.contains(&b'=') => {
            format!("it looks like a form; {instead}")
        }
        _ => {
            let (line, column) = (error.line(), error.column());
            format!("it is no JSON from line {line}, character {column} on; {instead}")
        }
    }
}

#[cfg(test)]
mod tests;
