//! The file of the configuration: read outside the serving threads, and watched.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use switchyard_config::{self as config, Config};
use switchyard_file_watch::{Pattern, Watch};

/// The configuration's file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    watch: Option<Watch>,
}

impl ConfigFile {
    /// Not watched yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, watch: None }
    }

    /// The folder that relative paths in it start from.
    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Watches this file and the `referenced` files from now on.
    pub(super) async fn watch(&mut self, referenced: impl Iterator<Item = PathBuf>) {
        let files = std::iter::once(self.path.clone()).chain(referenced);
        let patterns = files.map(Pattern::One).collect();
        // Reads the files at once, which may block. An error means that the process is ending.
        let watch = spawn_blocking(move || Watch::new(patterns)).await;
        self.watch = watch.ok();
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads the configuration, and the file of clients that it may name.
pub(super) fn read(path: &Path) -> Result<Config, config::Error> {
    let mut config = Config::from_file(path)?;
    config.read_clients().map_err(naming_the_file)?;
    Ok(config)
}

/// The same faults, each with the name of its file: of the configuration's own, a message needs none.
fn naming_the_file(error: config::Error) -> config::Error {
    let config::Error::Faults(mut faults) = error else {
        return error;
    };
    for fault in &mut faults.faults {
        let line = fault.line.take().map(|line| format!("line {line}: "));
        fault.path = format!(
            "{}: {}{}",
            faults.source_name,
            line.unwrap_or_default(),
            fault.path
        );
    }
    config::Error::Faults(faults)
}

/// All faults, one line each.
pub(super) fn lines(error: config::Error) -> Vec<String> {
    match error {
        config::Error::Faults(faults) => faults.faults.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// Completes with the next change of the file; never if there is none to watch.
pub(super) async fn changed(file: &mut Option<ConfigFile>) {
    match file.as_mut().and_then(|file| file.watch.as_mut()) {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
