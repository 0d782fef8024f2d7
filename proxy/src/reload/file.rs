//! The file that the configuration is in: read off the threads that serve, and watched.

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

    /// What relative paths in it are relative to.
    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Changes of it, and of the `referenced` ones, are told from now on.
    pub(super) async fn watch(&mut self, referenced: impl Iterator<Item = PathBuf>) {
        let files = std::iter::once(self.path.clone()).chain(referenced);
        let patterns = files.map(Pattern::One).collect();
        // Looks at once, which may block; err: the process ends.
        let watch = spawn_blocking(move || Watch::new(patterns)).await;
        self.watch = watch.ok();
    }

    /// What it says, or all that is wrong with it, a line each.
    pub(super) async fn read(&self) -> Result<Config, Vec<String>> {
        let path = self.path.clone();
        // Host names in it are looked up, which may take long.
        match spawn_blocking(move || Config::from_file(&path)).await {
            Ok(Ok(config)) => Ok(config),
            Ok(Err(error)) => Err(lines(error)),
            Err(error) => Err(vec![format!("it can't be read: {error}")]),
        }
    }
}

/// All that is wrong, a line each.
pub(super) fn lines(error: config::Error) -> Vec<String> {
    match error {
        config::Error::Faults(faults) => faults.faults.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// The next change of a file that is watched; never of any other.
pub(super) async fn changed(file: &mut Option<ConfigFile>) {
    match file.as_mut().and_then(|file| file.watch.as_mut()) {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
