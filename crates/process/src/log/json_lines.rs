//! The log as JSON: an object a line, for programs that collect logs.
//!
//! What an event says beside its message is under `fields`, where no name of a field can meet one of the line's own.
//! `tracing-subscriber`'s own JSON has no place for the process, which tells two processes apart during an upgrade.

use std::fmt::{self, Debug, Display, Write};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::stamp::process;

/// How the `log` crate's events carry what they say of themselves.
const OF_LOG: &str = "log.";

/// Formats events as JSON.
#[derive(Debug)]
pub(super) struct JsonLines {
    process: String,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self { process: process() }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let of_log = said.target.as_deref();
        let target = of_log.unwrap_or_else(|| event.metadata().target());
        begin(&mut out, *event.metadata().level(), &self.process, target)?;
        put(&mut out, ",\"message\":", &said.message)?;
        write!(out, ",\"fields\":{{{}}},\"spans\":[", said.fields)?;
        let spans = context
            .event_scope()
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root);
        for (at, span) in spans.enumerate() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            let fields = fields.map_or("", |fields| fields.fields.as_str());
            let comma = if at == 0 { "" } else { "," };
            put(&mut out, comma, &format!("{}{{{fields}}}", span.name()))?;
        }
        out.write_str("]}\n")
    }
}

/// A line that is no event.
pub(super) fn line_of(
    level: Level,
    target: &str,
    message: &str,
    fields: &[(&str, &str)],
) -> String {
    let mut line = String::new();
    // Writing to memory does not fail.
    let _ = begin(&mut Writer::new(&mut line), level, &process(), target);
    let _ = put(&mut line, ",\"message\":", message);
    line.push_str(",\"fields\":{");
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = put(&mut line, comma, name);
        let _ = put(&mut line, ":", value);
    }
    line.push_str("},\"spans\":[]}\n");
    line
}

fn begin(out: &mut Writer<'_>, level: Level, process: &str, target: &str) -> fmt::Result {
    out.write_str("{\"time\":\"")?;
    SystemTime.format_time(out)?;
    write!(out, "\",\"level\":\"{level}\"")?;
    put(out, ",\"process\":", process)?;
    put(out, ",\"target\":", target)
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    /// The inside of an object.
    fields: String,
    /// Where an event of the `log` crate comes from.
    target: Option<String>,
}

impl Said {
    fn text(&mut self, field: &Field, value: &str) {
        match field.name() {
            // A field may have this name beside the message, which comes first.
            "message" if self.message.is_empty() => value.clone_into(&mut self.message),
            "log.target" => self.target = Some(value.to_owned()),
            name if name.starts_with(OF_LOG) => {}
            name => {
                let comma = if self.fields.is_empty() { "" } else { "," };
                // Writing to memory does not fail.
                let _ = put(&mut self.fields, comma, name);
                let _ = put(&mut self.fields, ":", value);
            }
        }
    }

    /// Of a value that JSON has a form for.
    fn plain(&mut self, field: &Field, value: impl Display) {
        if field.name().starts_with(OF_LOG) {
            return;
        }
        let comma = if self.fields.is_empty() { "" } else { "," };
        let _ = put(&mut self.fields, comma, field.name());
        let _ = write!(self.fields, ":{value}");
    }
}

impl Visit for Said {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, value);
        } else {
            self.text(field, &value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// Writes `before`, and `text` as a JSON string. What could steer a terminal is escaped too.
fn put(out: &mut impl Write, before: &str, text: &str) -> fmt::Result {
    out.write_str(before)?;
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            control if control.is_control() => write!(out, "\\u{:04x}", u32::from(control))?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests;
