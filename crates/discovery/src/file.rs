//! Targets in files, in the format of Prometheus' `file_sd`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::targets::resolve;
use switchyard_bounded::file;
use switchyard_config::{FileSource, MOST_SUBSTATIONS};
use switchyard_fetch::{Lookups, UnknownHost};
use switchyard_file_watch::{Pattern, Watch};
use switchyard_target_groups::{self as target_groups, Format, Found, Malformed, Target};

/// The limit for reading all files and looking up the hosts in them: a file system or a name server may hang.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest file, in bytes: ten thousand targets with many labels.
const LARGEST: usize = 16 << 20;

/// Why the files yield no targets.
#[derive(Debug, Error)]
pub(super) enum FileSourceError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Malformed { path: PathBuf, source: Malformed },
    #[error(
        "the files have more than {MOST_SUBSTATIONS} targets together, the most that there can be"
    )]
    TooMany,
    #[error(transparent)]
    UnknownHost(#[from] UnknownHost),
    #[error(
        "reading the files and looking up their hosts took longer than {}; no other reading begins before this one ends",
        humantime::format_duration(PATIENCE)
    )]
    Slow,
}

/// The files of one source.
#[derive(Debug)]
pub(super) struct FileClient {
    pattern: Pattern,
    watch: Watch,
    refresh: Duration,
    /// For one reading at a time: one that hangs can't be interrupted, and holds its thread.
    turn: Arc<Semaphore>,
    lookups: Lookups,
}

impl FileClient {
    /// Starts to watch; the path is relative to `base`.
    pub(super) fn new(source: &FileSource, base: &Path) -> Self {
        let pattern = Pattern::new(&source.files, base);
        Self {
            watch: Watch::new(vec![pattern.clone()]),
            pattern,
            refresh: source.refresh,
            turn: Arc::new(Semaphore::new(1)),
            lookups: Lookups::default(),
        }
    }

    /// Waits until a file changes or the next refresh is due, at most `most`.
    pub(super) async fn due(&mut self, most: Duration) {
        tokio::select! {
            () = self.watch.changed() => {}
            () = sleep(self.refresh.min(most)) => {}
        }
    }

    /// The targets of all files, in the order of the file names; `None` if no file matches the pattern.
    pub(super) async fn fetch(&self) -> Result<Option<Vec<Found>>, FileSourceError> {
        let pattern = self.pattern.clone();
        let reading = async {
            let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
                return Err(FileSourceError::Slow);
            };
            let reading = spawn_blocking(move || {
                let _turn = turn;
                read_all(&pattern)
            });
            let Ok(targets) = reading.await else {
                return Err(FileSourceError::Slow);
            };
            let targets = targets?;
            match targets {
                Contents::NoFile => Ok(None),
                Contents::Targets(targets) => Ok(Some(resolve(targets, &self.lookups).await?)),
            }
        };
        timeout(PATIENCE, reading)
            .await
            .unwrap_or(Err(FileSourceError::Slow))
    }
}

/// What the files hold.
enum Contents {
    /// No file matches the pattern.
    NoFile,
    Targets(Vec<Target>),
}

fn read_all(pattern: &Pattern) -> Result<Contents, FileSourceError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| FileSourceError::Read { path, source }
    };
    let files = match pattern {
        Pattern::One(path) => vec![path.clone()],
        Pattern::Many(folder, _) => match pattern.files() {
            Ok(files) => files,
            // The folder need not exist yet either.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(folder)(error)),
        },
    };
    if files.is_empty() {
        return Ok(Contents::NoFile);
    }
    let mut all = Vec::new();
    for path in files {
        let content = file::read(&path, LARGEST).map_err(failed(&path))?;
        let is_json = path
            .extension()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("json"));
        let format = if is_json { Format::Json } else { Format::Yaml };
        let targets = target_groups::parse(&content, format)
            .map_err(|source| FileSourceError::Malformed { path, source })?;
        all.extend(targets);
        if all.len() > MOST_SUBSTATIONS {
            return Err(FileSourceError::TooMany);
        }
    }
    Ok(Contents::Targets(all))
}
