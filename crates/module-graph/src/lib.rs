//! Finds cycles between the modules of a crate.
//!
//! The rule: at every level of the module tree, the graph of siblings has no cycle.
//!
//! - A sibling stands for its whole subtree. `a::x` that uses `b` and `b` that uses `a::y` are a cycle of
//!   `a` and `b`, although no two files refer to each other.
//! - A parent is not a sibling of its children. It declares and uses them, and they may use its own types
//!   (`super::Type`): that is how Rust nests modules.
//! - But a parent hides nothing. If a child takes from its parent what the parent has imported or
//!   re-exported from another child, the edge goes to that other child. The same holds for the crate's root.
//!
//! Every `use` counts, and every path in code: in macros' arguments too, but not in comments, strings or
//! what is compiled for tests only. The files are found as the compiler finds them, from `lib.rs`,
//! `main.rs` and `bin/` by `mod` declarations; each of these roots is a tree of its own.

mod graph;
mod parse;
mod resolve;
mod tree;

use std::io;
use std::path::{Path, PathBuf};

/// All cycles in the crate whose sources are in `src`, empty if there is none.
///
/// A cycle is a list of its edges, such as `book -> keys (src/book.rs:17)`. Of edges that belong to
/// several cycles, each is listed in the shortest.
///
/// Fails if a source cannot be read or split into tokens, or if `src` holds no crate.
pub fn cycles(src: &Path) -> io::Result<Vec<Vec<String>>> {
    let mut found = Vec::new();
    for root in roots(src)? {
        let tree = parse::tree(&root)?;
        found.extend(graph::cycles(&tree));
    }
    Ok(found)
}

/// `lib.rs`, `main.rs`, and the binaries in `bin/`.
fn roots(src: &Path) -> io::Result<Vec<PathBuf>> {
    let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
    let bin = src.join("bin");
    if bin.is_dir() {
        for entry in bin.read_dir()? {
            let path = entry?.path();
            match path.extension() {
                Some(extension) if extension == "rs" => roots.push(path),
                _ => roots.push(path.join("main.rs")),
            }
        }
    }
    roots.retain(|root| root.is_file());
    roots.sort();
    if roots.is_empty() {
        let message = format!("{}: neither lib.rs nor main.rs", src.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
