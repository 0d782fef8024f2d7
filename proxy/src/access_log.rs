//! The access log as configured: where it leads, and when it is opened again.
//!
//! Its form and its sample are read from the snapshot of each request, so they change with a reload by themselves. A new
//! path is opened first: a reload whose file can't be opened is refused, as a start is.

use std::{path::PathBuf, sync::Arc};

use switchyard_access_log::{Destination, Format, Output};
use switchyard_config::{AccessLog, AccessLogFormat, AccessLogPath, Config, Error, Fault, Faults};
use switchyard_process::signals;

use crate::runtime::Runtime;

/// Opens the access log of this configuration, if it has one. Blocks for as long as the system takes.
pub(crate) fn open(config: &Config, source: &str) -> Result<Option<Output>, Error> {
    let Some(log) = &config.access_log else {
        return Ok(None);
    };
    let opened = Output::open(&destination(log)).map_err(|unopened| {
        let fault = Fault {
            path: "access_log.path".to_owned(),
            value: String::new(),
            rule: unopened.to_string(),
            line: None,
        };
        Error::Faults(Faults::of_file(source.to_owned(), vec![fault]))
    })?;
    Ok(Some(opened))
}

/// Whether lines go elsewhere with this configuration than with the one before.
pub(crate) fn moves(before: &Config, now: &Config) -> bool {
    let path = |config: &Config| config.access_log.as_ref().map(|log| log.path.clone());
    path(before) != path(now)
}

/// The form of a line.
pub(crate) fn format(log: &AccessLog) -> Format {
    match log.format {
        AccessLogFormat::Json => Format::Json,
        AccessLogFormat::Combined => Format::Combined,
    }
}

fn destination(log: &AccessLog) -> Destination {
    match &log.path {
        AccessLogPath::Stdout => Destination::Stdout,
        AccessLogPath::File(path) => Destination::File(PathBuf::clone(path)),
    }
}

/// Opens the access log again on each SIGUSR1, until dropped. Where there is none, the signal does nothing: without a
/// handler it would end the process. Call it on a runtime.
pub(crate) fn reopen_on_signal(runtime: &Arc<Runtime>) -> impl Future<Output = ()> + use<> {
    let mut signal = signals::Watch::user_defined1();
    let log = runtime.access_log.clone();
    async move {
        loop {
            signal.next().await;
            log.reopen();
        }
    }
}
