//! Reports when the contents of files change.
//!
//! File system events only say *when* to read; the contents decide. So it does not matter how a file changed: an
//! editor renames a new file over it, a write happens in place, Kubernetes swaps the folder that `..data` points at,
//! or a file is removed and created again. Folders are watched, not files, since a file's watch ends with the file.
//!
//! Events may be lost (a queue overflows, a network file system sends none), so the files are also polled slowly.
//! Where the system allows no further watches, they are polled faster instead.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    fs,
    hash::Hasher,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};
use parking_lot::Mutex;
use switchyard_bounded::file;
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until, timeout},
};
use tracing::warn;

/// A burst of events ends after this long without one.
const QUIET: Duration = Duration::from_millis(40);
/// How many of those pauses a burst may take, so that a folder that changes all the time is scanned as well.
const MOST_WAITS: u32 = 10;
/// The time from one scan to the next without any event.
const SAFETY_NET: Duration = Duration::from_secs(30);
/// The same where events are unavailable.
const POLL: Duration = Duration::from_secs(2);
/// The largest file that is read, in bytes: no reader of ours takes a larger one.
const LARGEST: usize = 16 << 20;
/// The most files of one pattern: each is read at every change.
const MOST_FILES: usize = 1000;

/// A file, or all matching files of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This file, whether it exists or not.
    One(PathBuf),
    /// The files in a folder whose names match; `*` stands for any text. As in a shell, hidden files only match a
    /// pattern that begins with a dot.
    Many(PathBuf, String),
}

impl Pattern {
    /// Parses `files`, relative to the folder `base`: a pattern if its last segment contains `*`, else a file.
    #[must_use]
    pub fn new(files: &str, base: &Path) -> Self {
        let path = base.join(files);
        match (
            path.parent(),
            path.file_name().and_then(|name| name.to_str()),
        ) {
            (Some(folder), Some(name)) if name.contains('*') => {
                Self::Many(folder.to_path_buf(), name.to_owned())
            }
            _ => Self::One(path),
        }
    }

    /// The file, or the files that match now, sorted by name.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        match self {
            Self::One(path) => Ok(vec![path.clone()]),
            Self::Many(folder, pattern) => {
                let mut files = Vec::new();
                for entry in fs::read_dir(or_current_dir(folder))? {
                    let name = entry?.file_name();
                    if name.to_str().is_some_and(|name| matches(pattern, name)) {
                        files.push(folder.join(name));
                    }
                    if files.len() > MOST_FILES {
                        let what = format!("more than {MOST_FILES} files match {pattern}");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                    }
                }
                files.sort();
                Ok(files)
            }
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::One(path) => path.parent().unwrap_or(path),
            Self::Many(folder, _) => folder,
        }
    }
}

/// The folder, or `.` for an empty path, which the system does not accept.
fn or_current_dir(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Whether `name` matches `pattern`; `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<_> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

/// Each file with a digest of its contents; `None` if it could not be read.
type Digests = Vec<(PathBuf, Option<u64>)>;

/// Watches the files of some patterns.
#[derive(Debug)]
pub struct Watch {
    watcher: Arc<Mutex<FileWatcher>>,
    seen: Digests,
    events: watch::Receiver<()>,
    is_due: bool,
    next_scan: Instant,
    /// The scan under way. One that hangs can't be interrupted, and holds its thread: no other begins before it ends.
    scan: Option<JoinHandle<(Digests, Duration)>>,
}

impl Watch {
    /// Starts to watch. Changes are relative to now, so read the files after this call, not before.
    ///
    /// Scans the files at once, on this thread.
    #[must_use]
    pub fn new(patterns: Vec<Pattern>) -> Self {
        Self::with(patterns, true)
    }

    fn with(patterns: Vec<Pattern>, wants_events: bool) -> Self {
        let (event_sender, events) = watch::channel(());
        let mut watcher = FileWatcher {
            patterns,
            watcher: None,
            watched: BTreeSet::new(),
            is_polling: !wants_events,
            event_sender,
        };
        if wants_events {
            watcher.open();
        }
        let seen = watcher.scan();
        let next_scan = Instant::now() + watcher.pause();
        Self {
            watcher: Arc::new(Mutex::new(watcher)),
            seen,
            events,
            is_due: false,
            next_scan,
            scan: None,
        }
    }

    /// Waits until a file has changed, appeared or disappeared since this last returned. Cancel safe.
    pub async fn changed(&mut self) {
        loop {
            if !self.is_due {
                tokio::select! {
                    _ = self.events.changed() => {}
                    () = sleep_until(self.next_scan) => {}
                }
                self.is_due = true;
            }
            for _ in 0..MOST_WAITS {
                if timeout(QUIET, self.events.changed()).await.is_err() {
                    break;
                }
            }
            // Kept where this is dropped while it waits.
            let scan = self.scan.get_or_insert_with(|| {
                let watcher = Arc::clone(&self.watcher);
                spawn_blocking(move || {
                    let mut watcher = watcher.lock();
                    (watcher.scan(), watcher.pause())
                })
            });
            let scanned = scan.await;
            self.scan = None;
            self.is_due = false;
            let Ok((seen, pause)) = scanned else {
                self.next_scan = Instant::now() + SAFETY_NET;
                continue;
            };
            self.next_scan = Instant::now() + pause;
            if seen != self.seen {
                self.seen = seen;
                return;
            }
        }
    }
}

/// Scans the files, on a thread that may block.
#[derive(Debug)]
struct FileWatcher {
    patterns: Vec<Pattern>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Whether events are unavailable.
    is_polling: bool,
    /// Held here too, so that the channel stays open without a watcher.
    event_sender: watch::Sender<()>,
}

impl FileWatcher {
    fn open(&mut self) {
        let event_sender = self.event_sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reads cause events too.
            let is_reading = event.is_ok_and(|event| match event.kind {
                EventKind::Access(access) => !matches!(access, AccessKind::Close(_)),
                _ => false,
            });
            if !is_reading {
                event_sender.send_replace(());
            }
        });
        match watcher {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => self.fall_back_to_polling(&error),
        }
    }

    fn fall_back_to_polling(&mut self, error: &notify::Error) {
        self.is_polling = true;
        self.watcher = None;
        let files = self.patterns.first().map(Pattern::folder);
        let files = files.unwrap_or(Path::new(""));
        warn!(folder = %files.display(), %error, seconds = POLL.as_secs(), "File events unavailable: polling instead");
    }

    fn pause(&self) -> Duration {
        if self.is_polling { POLL } else { SAFETY_NET }
    }

    /// Watches the files' current folders, and then reads the files: a change in between causes an event.
    fn scan(&mut self) -> Digests {
        let files: Vec<_> = self
            .patterns
            .iter()
            .flat_map(|pattern| pattern.files().unwrap_or_default())
            .collect();
        self.watch_folders(&files);
        let mut seen: Vec<_> = files
            .into_iter()
            .map(|file| {
                let digest = file::read(&file, LARGEST)
                    .ok()
                    .map(|content| digest(&content));
                (file, digest)
            })
            .collect();
        seen.dedup();
        seen
    }

    fn watch_folders(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut wanted = BTreeSet::new();
        for pattern in &self.patterns {
            folders_to(pattern.folder(), &mut wanted);
        }
        for file in files {
            // The target of a link may be anywhere.
            if let Some(folder) = file.canonicalize().ok().as_deref().and_then(Path::parent) {
                wanted.insert(folder.to_path_buf());
            }
        }
        for gone in self.watched.difference(&wanted) {
            // Fails if the folder no longer exists, which is fine.
            let _ = watcher.unwatch(gone);
        }
        let mut failure = None;
        for folder in &wanted {
            // Watched folders too: a folder may have been removed and created again under the same name.
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // Removed since the scan: an event of its parent or the next scan will notice.
                Err(error) if !folder.exists() => drop(error),
                Err(error) => failure = Some(error),
            }
        }
        self.watched = wanted;
        if let Some(error) = failure {
            self.fall_back_to_polling(&error);
        }
    }
}

/// The folders whose events announce changes in `folder`: itself or its nearest existing ancestor, and the folder of
/// each link on the way.
fn folders_to(folder: &Path, wanted: &mut BTreeSet<PathBuf>) {
    let folder = or_current_dir(folder);
    let nearest = folder
        .ancestors()
        .find_map(|above| or_current_dir(above).canonicalize().ok());
    wanted.extend(nearest);
    for step in folder.ancestors() {
        if step.is_symlink() {
            let holder = or_current_dir(step.parent().unwrap_or(step)).canonicalize();
            wanted.extend(holder);
        }
    }
}

fn digest(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    hasher.finish()
}

#[cfg(test)]
mod tests;
