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
