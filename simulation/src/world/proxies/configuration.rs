//! The files of a proxy.

use std::{fmt::Write, fs, io, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        plan::{Discovery, Lasts, Machine, Plan, Settings, SubstationPlan},
        store, substations,
    },
    ADMIN_PORT, PORT,
};

/// The configuration of proxy `id`; a poll takes so much longer than the plan says.
pub(super) fn yaml(plan: &Plan, id: usize, folder: &Path, longer: Duration) -> String {
    let settings = &plan.settings;
    let (ip, folder) = (Machine::Proxy(id).ip(), folder.display());
    let ms = |time: Duration| format!("{}ms", time.as_millis());
    let interval = settings.interval + longer;
    let lasts = match settings.lasts {
        Lasts::Session => "session",
        Lasts::Answer => "answer",
    };
    let mut text = format!(
        "listen: {ip}:{PORT}\n\
         admin: {{listen: \"{ip}:{ADMIN_PORT}\", token_file: {folder}/token}}\n\
         threads: {}\n\
         http2: {{cleartext: true}}\n\
         charge: {{lasts: {lasts}}}\n\
         load: {{interval: {}, timeout: {}, stale_after: 4s}}\n\
         timeouts: {{connect: {}, request: {}, client: {}, idle: {}}}\n\
         admission: {{queue: {}, timeout: {}}}\n\
         retry: {{attempts: {}, budget: {}}}\n\
         health: {{ejection: 500ms, longest_ejection: {}, slow_start: {}}}\n\
         upstream: {{pipeline: {}}}\n",
        settings.threads,
        ms(interval),
        ms(settings.scrape_timeout),
        ms(settings.connect),
        ms(settings.request),
        ms(settings.client),
        ms(settings.idle),
        settings.queue,
        ms(settings.queue_timeout),
        settings.attempts,
        settings.budget,
        ms(settings.longest_ejection),
        ms(settings.slow_start),
        settings.pipeline,
    );
    if !settings.drain_delay.is_zero() {
        let _ = writeln!(text, "drain: {{delay: {}}}", ms(settings.drain_delay));
    }
    if settings.has_state_file {
        let interval = ms(settings.state_interval);
        let _ = writeln!(
            text,
            "state: {{file: {folder}/state, interval: {interval}}}"
        );
    }
    if let Some(shared) = settings.store {
        let at = Machine::Store.ip();
        let word = if shared.refuses { "refuse" } else { "local" };
        let (port, timeout) = (store::PORT, ms(shared.timeout));
        let _ = writeln!(
            text,
            "fleet: {{store: \"redis://{at}:{port}\", timeout: {timeout}, when_unreachable: {word}}}"
        );
    }
    for (at, feeder) in settings.feeders.iter().enumerate() {
        let (name, capacity) = (Settings::feeder_name(at), feeder.capacity);
        let head = if at == 0 { "feeders:\n" } else { "" };
        let parent = feeder
            .parent
            .map(|parent| format!(", parent: {}", Settings::feeder_name(parent)));
        let parent = parent.unwrap_or_default();
        let _ = writeln!(
            text,
            "{head}  - {{name: {name}, capacity: {capacity}{parent}}}"
        );
    }
    text += &match settings.discovery {
        Discovery::List => list(&plan.substations),
        Discovery::Names | Discovery::File => {
            "discovery: {file_sd: [{files: ../targets.json, refresh: 1s}]}\n".to_owned()
        }
    };
    text
}

fn list(substations: &[SubstationPlan]) -> String {
    let mut text = "substations:\n".to_owned();
    for substation in substations {
        let name = substation.name();
        let address = format!(
            "{}:{}",
            Machine::Substation(substation.id).ip(),
            substations::PORT
        );
        let feeder = substation
            .feeder
            .map(|at| format!(", feeder: {}", Settings::feeder_name(at)));
        let feeder = feeder.unwrap_or_default();
        let _ = writeln!(text, "  - {{name: {name}, address: \"{address}\"{feeder}}}");
    }
    text
}

/// The file of targets, with the substations that `is_listed`.
pub(in super::super) fn targets(plan: &Plan, is_listed: impl Fn(usize) -> bool) -> String {
    let listed = plan
        .substations
        .iter()
        .filter(|substation| is_listed(substation.id));
    let group = |substation: &SubstationPlan| {
        let (name, port) = (substation.name(), substations::PORT);
        let host = match plan.settings.discovery {
            Discovery::Names => host(substation.id),
            _ => Machine::Substation(substation.id).ip().to_string(),
        };
        let mut labels = json!({"name": name});
        if let (Some(at), Some(labels)) = (substation.feeder, labels.as_object_mut()) {
            labels.insert("feeder".to_owned(), Settings::feeder_name(at).into());
        }
        json!({"targets": [format!("{host}:{port}")], "labels": labels})
    };
    Value::Array(listed.map(group).collect()).to_string()
}

/// The host name of a substation.
pub(in super::super) fn host(substation: usize) -> String {
    format!("s{substation}.grid.example")
}

/// Replaces a file as a whole.
pub(in super::super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension("new~");
    fs::write(&beside, text)?;
    fs::rename(&beside, file)
}
