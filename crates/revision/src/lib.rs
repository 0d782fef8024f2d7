//! For build scripts: which commit a program is built from, and when that was made.
//!
//! The first of these that says it, says it:
//!
//! 1. the environment: `SWITCHYARD_COMMIT`, and `SOURCE_DATE_EPOCH` for the date, as reproducible builds set it;
//! 2. `.cargo_vcs_info.json`, which `cargo package` writes into a package;
//! 3. git, if the manifest is a file of the repository that it is in. Debug builds don't ask: a commit would compile
//!    everything anew that is built with them, all tests included, for a word that no test reads.
//!
//! Otherwise the commit is `unknown`, and there is no date. A build script that watches nothing is run again for every
//! change of its package, so [`emit`] also names what to watch.

mod git;

use std::{
    env, fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

/// The variable with the commit.
const COMMIT: &str = "SWITCHYARD_COMMIT";
/// The variable with the date, in seconds since 1970: see <https://reproducible-builds.org/specs/source-date-epoch/>.
const DATE: &str = "SOURCE_DATE_EPOCH";
/// What is shown of a hash: enough to find it.
const SHORT: usize = 8;
/// The length of hashes by SHA-1 and by SHA-256, in digits.
const HASHES: [usize; 2] = [40, 64];
/// The longest name of a commit that is no hash.
const LONGEST: usize = 40;
/// What is said of a commit that is not known.
const UNKNOWN: &str = "unknown";
/// The year 9999 ends here, in seconds since 1970. Later dates have no usual form.
const LAST_DATE: u64 = 253_402_300_799;

/// What a program is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The beginning of the commit's hash, or `unknown`.
    pub commit: String,
    /// The date of the commit, as in `2026-11-30`; empty if it is not known.
    pub date: String,
}

/// What the environment and the tree say.
#[derive(Debug)]
struct Sources<'a> {
    commit: Option<&'a str>,
    epoch: Option<&'a str>,
    /// The folder of the package.
    package: &'a Path,
    asks_git: bool,
}

/// A value of the environment that is not used, and why.
#[derive(Debug, PartialEq, Eq)]
struct Ignored(&'static str, String);

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {:?} is no {}", self.0, self.1, {
            if self.0 == COMMIT {
                "commit"
            } else {
                "number of seconds since 1970"
            }
        })
    }
}

/// For `build.rs`: gives the program its commit, its date, its target and its profile as `SWITCHYARD_BUILT_FROM`,
/// `SWITCHYARD_BUILT_ON`, `SWITCHYARD_BUILT_FOR` and `SWITCHYARD_BUILT_AS`, and watches what they depend on.
pub fn emit() -> io::Result<()> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR").unwrap_or_default());
    let (commit, epoch) = (variable(COMMIT), variable(DATE));
    let sources = Sources {
        commit: commit.as_deref(),
        epoch: epoch.as_deref(),
        package: &package,
        asks_git: variable("PROFILE").as_deref() == Some("release"),
    };
    let (revision, ignored, watched) = sources.revision();
    // OUT_DIR is `…/target/PROFILE/build/PACKAGE-HASH/out`: cargo names a profile of one's own nowhere else.
    let out = PathBuf::from(variable("OUT_DIR").unwrap_or_default());
    let profile = out.ancestors().nth(3).and_then(Path::file_name);
    let profile = profile.map_or_else(|| UNKNOWN.into(), |name| name.to_string_lossy());

    let mut cargo = io::stdout().lock();
    for name in [COMMIT, DATE] {
        writeln!(cargo, "cargo::rerun-if-env-changed={name}")?;
    }
    writeln!(cargo, "cargo::rerun-if-changed=build.rs")?;
    for file in watched {
        writeln!(cargo, "cargo::rerun-if-changed={}", file.display())?;
    }
    for ignored in ignored {
        writeln!(cargo, "cargo::warning={ignored}")?;
    }
    for (name, value) in [
        ("FROM", revision.commit),
        ("ON", revision.date),
        ("FOR", variable("TARGET").unwrap_or_default()),
        ("AS", profile.into_owned()),
    ] {
        writeln!(cargo, "cargo::rustc-env=SWITCHYARD_BUILT_{name}={value}")?;
    }
    Ok(())
}

impl Sources<'_> {
    /// What they say, what of it is not used, and the files that it depends on.
    fn revision(&self) -> (Revision, Vec<Ignored>, Vec<PathBuf>) {
        let mut ignored = Vec::new();
        let said = self.commit.and_then(|text| {
            let commit = commit(text);
            if commit.is_none() {
                ignored.push(Ignored(COMMIT, text.to_owned()));
            }
            commit
        });
        let on = self.epoch.and_then(|text| {
            let date = date(text);
            if date.is_none() {
                ignored.push(Ignored(DATE, text.to_owned()));
            }
            date
        });
        let packaged = || {
            let text = fs::read_to_string(self.package.join(".cargo_vcs_info.json")).ok()?;
            packaged(&text)
        };
        let mut watched = Vec::new();
        let (commit, committed_on) = match said.or_else(packaged) {
            Some(commit) => (commit, None),
            None if self.asks_git => match git::head(self.package) {
                Some(head) => {
                    watched = head.watched;
                    (
                        commit(&head.commit).unwrap_or_else(|| UNKNOWN.to_owned()),
                        date(&head.epoch),
                    )
                }
                None => (UNKNOWN.to_owned(), None),
            },
            None => (UNKNOWN.to_owned(), None),
        };
        let date = on.or(committed_on).unwrap_or_default();
        (Revision { commit, date }, ignored, watched)
    }
}

/// What is shown of a commit: the beginning of its hash, or its name.
fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = HASHES.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+".contains(&b);
    match text.get(..SHORT) {
        Some(short) if is_hash => Some(short.to_ascii_lowercase()),
        _ => {
            let is_name = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain);
            is_name.then(|| text.to_owned())
        }
    }
}

/// The day, in UTC.
fn date(epoch: &str) -> Option<String> {
    let seconds = epoch.trim().parse().ok().filter(|it| *it <= LAST_DATE)?;
    let at = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
    at.to_string().split('T').next().map(str::to_owned)
}

/// The commit in what `cargo package` writes: `{"git": {"sha1": "…"}}`.
fn packaged(json: &str) -> Option<String> {
    let (_, rest) = json.split_once("\"sha1\"")?;
    let hash = rest.split('"').nth(1)?;
    commit(hash).filter(|short| short.len() == SHORT)
}

#[cfg(test)]
mod tests;
