//! What git says of the tree that a package is in.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The newest commit, and the files that change with it.
pub(super) struct Head {
    pub(super) commit: String,
    /// When it was made, in seconds since 1970.
    pub(super) epoch: String,
    pub(super) watched: Vec<PathBuf>,
}

/// The newest commit, if `package` is in a repository that has its manifest: a source that was unpacked inside another
/// repository is none of it.
pub(super) fn head(package: &Path) -> Option<Head> {
    git(package, &["ls-files", "--error-unmatch", "Cargo.toml"])?;
    let shown = git(package, &["show", "--no-patch", "--format=%H %ct", "HEAD"])?;
    let (commit, epoch) = shown.split_once(' ')?;
    // The reflog grows with each commit, and HEAD changes with the branch. Where a repository keeps no reflog, the
    // branch itself is watched, alone or packed.
    let branch = git(package, &["symbolic-ref", "HEAD"]);
    let names = ["HEAD", "logs/HEAD", "packed-refs"]
        .into_iter()
        .chain(branch.as_deref());
    let watched = names.filter_map(|name| {
        let path = git(package, &["rev-parse", "--git-path", name])?;
        let path = package.join(path);
        path.is_file().then_some(path)
    });
    Some(Head {
        commit: commit.to_owned(),
        epoch: epoch.to_owned(),
        watched: watched.collect(),
    })
}

fn git(at: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(arguments)
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
