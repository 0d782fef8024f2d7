//! The file that the configuration is in: read off the threads that serve, and watched.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::{
    config::{self, Config},
    watch::{Pattern, Watch},
};

/// The configuration's file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    watch: Option<Watch>,
}

impl File {
    /// Not watched yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, watch: None }
    }

    /// What relative paths in it are relative to.
    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Its changes from now on are told.
    pub(super) async fn watch(&mut self) {
        let pattern = Pattern::One(self.path.clone());
        // Looks at once, which may block; err: the process ends.
        let watch = spawn_blocking(move || Watch::new(vec![pattern])).await;
        self.watch = watch.ok();
    }

    /// What it says, or all that is wrong with it, a line each.
    pub(super) async fn read(&self) -> Result<Config, Vec<String>> {
        let path = self.path.clone();
        // Host names in it are looked up, which may take long.
        match spawn_blocking(move || Config::from_file(&path)).await {
            Ok(Ok(config)) => Ok(config),
            Ok(Err(config::Error::Faults(faults))) => {
                Err(faults.faults.iter().map(ToString::to_string).collect())
            }
            Ok(Err(error)) => Err(vec![error.to_string()]),
            Err(error) => Err(vec![format!("it can't be read: {error}")]),
        }
    }
}

/// The next change of a file that is watched; never of any other.
pub(super) async fn changed(file: &mut Option<File>) {
    match file.as_mut().and_then(|file| file.watch.as_mut()) {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
