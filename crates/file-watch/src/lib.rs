//! Tells when the contents of files change.
//!
//! Events of the file system only say *when* to look; what counts is what the files hold then. So it does not matter
//! how a change came about: an editor that renames over, a write in place, Kubernetes that swaps the folder which
//! `..data` points at, a file that goes and comes back. Folders are watched, not files, since a file's watch ends
//! with the file.
//!
//! Events may be lost (a queue that overflows, a network file system that never tells), so there is a slow look
//! besides; where the system allows no further watches, a faster one takes their place.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    fs,
    hash::Hasher,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tracing::warn;

/// A burst of events is over once there was none for so long.
const QUIET: Duration = Duration::from_millis(40);
/// How many of those a burst may take: a folder in which there is always something going on is looked at all the same.
const MOST_WAITS: u32 = 10;
/// From one look to the next without any event.
const SAFETY_NET: Duration = Duration::from_secs(30);
/// The same where no events can be had.
const POLL: Duration = Duration::from_secs(2);
/// The largest file that is read, in bytes.
const LARGEST: u64 = 32 << 20;

/// A file, or all of a folder that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This file, there or not.
    One(PathBuf),
    /// Those in a folder whose names match, `*` standing for anything. As in a shell, hidden ones only match a
    /// pattern that begins with the dot.
    Many(PathBuf, String),
}

impl Pattern {
    /// What `files` means, seen from the folder `base`: with `*` in its last segment a pattern, else a file.
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

    /// The files, by name: the one, or those that are there now.
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

/// The path of a folder, in words that the system takes for "this one".
fn or_current_dir(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Whether `name` is what `pattern` says, `*` standing for anything.
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

/// Reads a file whole, if it is one and not too large. A pipe or a device would keep its reader for ever.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("is no file"));
    }
    let mut content = Vec::new();
    fs::File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(invalid("is larger than 32 MiB"));
    }
    Ok(content)
}

/// Each file with what it held, `None` where it could not be read.
type Digests = Vec<(PathBuf, Option<u64>)>;

/// Watches the files of some patterns.
#[derive(Debug)]
pub struct Watch {
    watcher: Arc<Mutex<FileWatcher>>,
    seen: Digests,
    events: watch::Receiver<()>,
    is_due: bool,
    next_look: Instant,
}

impl Watch {
    /// Begins to watch. What is told from here on is a change against now, so read the files after this, not before.
    ///
    /// Looks at the files at once, on this thread.
    #[must_use]
    pub fn new(patterns: Vec<Pattern>) -> Self {
        Self::with(patterns, true)
    }

    fn with(patterns: Vec<Pattern>, wants_events: bool) -> Self {
        let (happened, events) = watch::channel(());
        let mut watcher = FileWatcher {
            patterns,
            watcher: None,
            watched: BTreeSet::new(),
            is_polling: !wants_events,
            happened,
        };
        if wants_events {
            watcher.open();
        }
        let seen = watcher.look();
        let next_look = Instant::now() + watcher.pause();
        Self {
            watcher: Arc::new(Mutex::new(watcher)),
            seen,
            events,
            is_due: false,
            next_look,
        }
    }

    /// Waits until a file holds something else than when this last returned, comes or goes. A wait that is given up
    /// loses nothing.
    pub async fn changed(&mut self) {
        loop {
            if !self.is_due {
                tokio::select! {
                    _ = self.events.changed() => {}
                    () = sleep_until(self.next_look) => {}
                }
                self.is_due = true;
            }
            for _ in 0..MOST_WAITS {
                if timeout(QUIET, self.events.changed()).await.is_err() {
                    break;
                }
            }
            let watcher = Arc::clone(&self.watcher);
            let looked = spawn_blocking(move || {
                let mut watcher = watcher.lock();
                (watcher.look(), watcher.pause())
            })
            .await;
            self.is_due = false;
            let Ok((seen, pause)) = looked else {
                self.next_look = Instant::now() + SAFETY_NET;
                continue;
            };
            self.next_look = Instant::now() + pause;
            if seen != self.seen {
                self.seen = seen;
                return;
            }
        }
    }
}

/// What looks: on a thread that may block.
#[derive(Debug)]
struct FileWatcher {
    patterns: Vec<Pattern>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// No events can be had.
    is_polling: bool,
    /// Kept here too, so that the channel stays open without a watcher.
    happened: watch::Sender<()>,
}

impl FileWatcher {
    fn open(&mut self) {
        let happened = self.happened.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading is an event too.
            let is_reading = event.is_ok_and(|event| match event.kind {
                EventKind::Access(access) => !matches!(access, AccessKind::Close(_)),
                _ => false,
            });
            if !is_reading {
                happened.send_replace(());
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
        warn!(folder = %files.display(), %error, seconds = POLL.as_secs(), "No file events: looking at the files again and again");
    }

    fn pause(&self) -> Duration {
        if self.is_polling { POLL } else { SAFETY_NET }
    }

    /// Watches where the files are by now, and only then looks at them: what happens in between is an event.
    fn look(&mut self) -> Digests {
        let files: Vec<_> = self
            .patterns
            .iter()
            .flat_map(|pattern| pattern.files().unwrap_or_default())
            .collect();
        self.watch_folders(&files);
        let mut seen: Vec<_> = files
            .into_iter()
            .map(|file| {
                let digest = read(&file).ok().map(|content| digest(&content));
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
            // A link's other end may be anywhere.
            if let Some(folder) = file.canonicalize().ok().as_deref().and_then(Path::parent) {
                wanted.insert(folder.to_path_buf());
            }
        }
        for gone in self.watched.difference(&wanted) {
            // It fails where the folder is no more, which is as good.
            let _ = watcher.unwatch(gone);
        }
        let mut failure = None;
        for folder in &wanted {
            // Also those that are watched: one that was removed and made again goes by the same name.
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // Gone between the look and this: its parent's event or the next look finds out.
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

/// The folders whose events tell of what happens in `folder`: itself or the nearest above it that is there, and where
/// any step on the way is a link, where that link stands.
fn folders_to(folder: &Path, wanted: &mut BTreeSet<PathBuf>) {
    let folder = or_current_dir(folder);
    let nearest = folder
        .ancestors()
        .find_map(|above| or_current_dir(above).canonicalize().ok());
    wanted.extend(nearest);
    for step in folder.ancestors() {
        if step.is_symlink() {
            let stands_in = or_current_dir(step.parent().unwrap_or(step)).canonicalize();
            wanted.extend(stands_in);
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
