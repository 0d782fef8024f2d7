use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use super::*;

const HASH: &str = "1d126c63aa0000000000000000000000000000ff";

fn of(commit: Option<&str>, epoch: Option<&str>, package: &Path) -> Revision {
    let sources = Sources {
        commit,
        epoch,
        package,
        asks_git: true,
    };
    sources.revision().0
}

fn revision(commit: &str, date: &str) -> Revision {
    Revision {
        commit: commit.to_owned(),
        date: date.to_owned(),
    }
}

fn git(at: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(["-c", "user.name=t", "-c", "user.email=t@t.example"])
        .args(arguments)
        .env("GIT_COMMITTER_DATE", "2026-11-30T23:30:00-0800")
        .output();
    let done = done.unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
}

/// A repository with one commit of a package.
fn repository() -> TempDir {
    let folder = TempDir::new().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "-m", "one"]);
    folder
}

#[test]
fn the_environment_says_it_first() {
    let folder = repository();
    let at = folder.path();
    assert_eq!(of(Some(HASH), None, at), revision("1d126c63", ""));
    assert_eq!(
        of(Some("v1.2-rc1"), Some("1795996800"), at),
        revision("v1.2-rc1", "2026-11-30")
    );
    // The date alone, as a packager sets it, leaves the commit to git.
    assert_eq!(of(None, Some("0"), at).date, "1970-01-01");
}

#[test]
fn what_can_t_be_a_commit_or_a_date_is_named_and_not_used() {
    let folder = TempDir::new().unwrap();
    for (commit, epoch, ignored) in [
        (
            "a b",
            None,
            "SWITCHYARD_COMMIT is not used: \"a b\" is no commit",
        ),
        (
            "abc",
            Some("soon"),
            "SOURCE_DATE_EPOCH is not used: \"soon\" is no number of seconds since 1970",
        ),
        ("abc", Some("253402300800"), "SOURCE_DATE_EPOCH is not used"),
        ("abc", Some("-1"), "SOURCE_DATE_EPOCH is not used"),
    ] {
        let sources = Sources {
            commit: Some(commit),
            epoch,
            package: folder.path(),
            asks_git: false,
        };
        let (revision, told, _) = sources.revision();
        assert_eq!(revision.date, "");
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert!(
            matches!(&told[..], [one] if one.starts_with(ignored)),
            "{told:?}"
        );
    }
}

#[test]
fn git_says_it_also_in_a_folder_below_in_a_worktree_and_without_a_reflog() {
    let folder = repository();
    let at = folder.path();
    let one = of(None, None, at);
    // By the day in UTC, wherever the commit was made.
    assert_eq!((one.commit.len(), one.date.as_str()), (SHORT, "2026-12-01"));
    fs::create_dir(at.join("below")).unwrap();
    fs::write(at.join("below/Cargo.toml"), "").unwrap();
    assert_eq!(of(None, None, &at.join("below")).commit, UNKNOWN);
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "-m", "two"]);
    let two = of(None, None, &at.join("below"));
    assert_ne!((two.commit.as_str(), &two), (UNKNOWN, &one));

    let beside = TempDir::new().unwrap();
    let tree = beside.path().join("tree");
    git(at, &["worktree", "add", "--quiet", tree.to_str().unwrap()]);
    assert_eq!(of(None, None, &tree), two);
    let watched = git::head(&tree).unwrap().watched;
    assert!(watched.iter().any(|file| file.ends_with("logs/HEAD")));

    fs::remove_dir_all(at.join(".git/logs")).unwrap();
    git(at, &["pack-refs", "--all"]);
    let watched = git::head(at).unwrap().watched;
    assert!(watched.iter().any(|file| file.ends_with("packed-refs")));
    assert_eq!(of(None, None, at), two);
}

#[test]
fn a_commit_changes_what_is_watched() {
    let folder = repository();
    let at = folder.path();
    let contents = || {
        let watched = git::head(at).unwrap().watched;
        let read = |file: &PathBuf| fs::read(file).unwrap();
        watched.iter().map(read).collect::<Vec<_>>()
    };
    let before = contents();
    git(at, &["commit", "--quiet", "--allow-empty", "-m", "two"]);
    assert_ne!(before, contents());
}

#[test]
fn a_package_says_it_without_git_and_another_s_repository_does_not() {
    let folder = repository();
    let at = folder.path().join("unpacked");
    fs::create_dir(&at).unwrap();
    fs::write(at.join("Cargo.toml"), "").unwrap();
    assert_eq!(of(None, None, &at), revision(UNKNOWN, ""));
    let info =
        format!("{{\n  \"git\": {{\n    \"sha1\": \"{HASH}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}");
    fs::write(at.join(".cargo_vcs_info.json"), info).unwrap();
    assert_eq!(of(None, None, &at), revision("1d126c63", ""));
    fs::write(at.join(".cargo_vcs_info.json"), "{\"sha1\": 5}").unwrap();
    assert_eq!(of(None, None, &at), revision(UNKNOWN, ""));
}

#[test]
fn a_build_that_does_not_ask_git_watches_nothing_of_it() {
    let folder = repository();
    let sources = Sources {
        commit: None,
        epoch: None,
        package: folder.path(),
        asks_git: false,
    };
    let (said, _, watched) = sources.revision();
    assert_eq!((said, watched), (revision(UNKNOWN, ""), Vec::new()));
}
