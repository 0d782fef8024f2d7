//! No crate of this workspace has a cycle between its modules; the crate's documentation defines a cycle.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use switchyard_module_graph::cycles;

#[test]
fn no_crate_has_a_cycle_between_its_modules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().unwrap();
    let members = members(&root).unwrap();
    assert!(members.len() > 5, "{members:?}");
    let mut faults = String::new();
    for member in members {
        for cycle in cycles(&member.join("src")).unwrap() {
            faults.push_str("\n\n");
            faults.push_str(&cycle.join("\n"));
        }
    }
    let faults = faults.replace(&format!("{}/", root.display()), "");
    assert!(faults.is_empty(), "cycles between modules:{faults}");
}

/// To look for examples takes a second a crate, so a crate without any says so.
#[test]
fn a_crate_with_examples_in_its_documentation_runs_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut silent = Vec::new();
    for member in members(&root).unwrap() {
        let manifest = fs::read_to_string(member.join("Cargo.toml")).unwrap();
        if manifest.contains("doctest = false") && has_example(&member.join("src")).unwrap() {
            silent.push(member);
        }
    }
    assert_eq!(silent, [] as [PathBuf; 0], "remove their `doctest = false`");
}

/// Whether documentation in a file below this folder has code.
fn has_example(folder: &Path) -> io::Result<bool> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_example(&path)?
        } else {
            let begins = |line: &str| {
                let line = line.trim_start();
                line.starts_with("/// ```") || line.starts_with("//! ```")
            };
            fs::read_to_string(&path)?.lines().any(begins)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders of the workspace's members. `folder/*` stands for each crate in a folder.
fn members(root: &Path) -> io::Result<Vec<PathBuf>> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (_, list) = manifest.split_once("members = [").unwrap_or_default();
    let (list, _) = list.split_once(']').unwrap_or_default();
    let mut members = Vec::new();
    // Every second piece is between quotes.
    for member in list.split('"').skip(1).step_by(2) {
        match member.strip_suffix("/*") {
            None => members.push(root.join(member)),
            Some(folder) => {
                for entry in root.join(folder).read_dir()? {
                    members.push(entry?.path());
                }
            }
        }
    }
    members.retain(|member| member.join("Cargo.toml").is_file());
    members.sort();
    Ok(members)
}
