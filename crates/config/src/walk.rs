//! The walk through the tree: it looks keys up by name, notes what does not fit, and continues.

use super::{
    error::{Fault, MOST_FAULTS, TWICE, note},
    nearest::nearest,
    tree::Node,
};
use std::collections::HashSet;

/// One map of the file while it is read. The keys that were looked up are its known keys.
pub(super) struct Section<'a> {
    path: &'a str,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

/// An entry of a map whose keys the operator chooses.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) path: String,
    pub(super) node: &'a Node,
}

/// Reads `node` as a map; `None`, and a fault, if it is not a map.
pub(super) fn walk<T>(
    path: &str,
    node: &Node,
    faults: &mut Vec<Fault>,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Option<T> {
    let entries: &[_] = match node {
        Node::Map(entries) => entries,
        Node::Null if path.is_empty() => &[],
        other => {
            // Read as if it were empty, to learn which keys the message can name.
            let mut section = Section {
                path,
                entries: &[],
                known: Vec::new(),
                faults: &mut Vec::new(),
            };
            read(&mut section);
            let keys = section.known.join(", ");
            let rule = format!("must be a map of keys ({keys}), not {}", other.kind());
            note(faults, || Fault {
                path: path.to_owned(),
                value: other.shown(),
                rule,
                line: None,
            });
            return None;
        }
    };
    let mut section = Section {
        path,
        entries,
        known: Vec::new(),
        faults,
    };
    let value = read(&mut section);
    section.check_keys();
    Some(value)
}

impl<'a> Section<'a> {
    /// An optional value; also `None`, and a fault, if it does not fit.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, Node::shown, read)
    }

    /// The same of a value that no message may show.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, |_| String::new(), read)
    }

    /// An optional value, which a message shows as `shown` does.
    fn read<T>(
        &mut self,
        key: &'static str,
        shown: impl FnOnce(&Node) -> String,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.find(key)?;
        read(node)
            .map_err(|rule| self.note(key, shown(node), rule))
            .ok()
    }

    /// A value that has a default.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A required value; `example` shows how it is written.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        match self.entries.iter().find(|(name, _)| name == key) {
            None | Some((_, Node::Null)) => {
                self.known.push(key);
                let rule = format!("is missing: write it as in `{example}`");
                self.note(key, String::new(), rule);
                None
            }
            Some(_) => self.optional(key, read),
        }
    }

    /// The map under `key`; without one, all its values are defaults.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Section<'_>) -> T,
    ) -> T {
        let path = self.join(key);
        self.find(key)
            .and_then(|node| walk(&path, node, self.faults, &read))
            .unwrap_or_else(|| {
                read(&mut Section {
                    path: &path,
                    entries: &[],
                    known: Vec::new(),
                    faults: self.faults,
                })
            })
    }

    /// The map under `key`, if there is one; also `None` where required values in it are missing.
    pub(super) fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let path = self.join(key);
        let node = self.find(key)?;
        walk(&path, node, self.faults, read).flatten()
    }

    /// Reads each of `nodes`, the list under `key`, as a map; `read` also gets its path.
    pub(super) fn each<T>(
        &mut self,
        key: &'static str,
        nodes: &[Node],
        mut read: impl FnMut(&mut Section<'_>, &str) -> Option<T>,
    ) -> Vec<T> {
        let item = |(index, node)| {
            let path = format!("{}[{index}]", self.join(key));
            walk(&path, node, self.faults, |section| read(section, &path)).flatten()
        };
        nodes.iter().enumerate().filter_map(item).collect()
    }

    /// The items of the list under `key`, each read on its own; `list` reads the list as such. `None` without the list, or
    /// where it or an item does not fit.
    pub(super) fn items<T>(
        &mut self,
        key: &'static str,
        list: impl FnOnce(&Node) -> Result<Vec<Node>, String>,
        read: impl Fn(&Node) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let nodes = self.optional(key, list)?;
        let path = self.join(key);
        let item = |(index, node): (usize, &Node)| {
            let read = read(node);
            read.map_err(|rule| {
                self.refuse(&format!("{path}[{index}]"), || (node.shown(), rule));
            })
            .ok()
        };
        let items: Vec<_> = nodes.iter().enumerate().filter_map(item).collect();
        (items.len() == nodes.len()).then_some(items)
    }

    /// The entries of the map under `key`, whose keys the operator chooses: each name with its path and its value.
    /// A value that is missing and a name that is repeated are noted and left out.
    pub(super) fn named(&mut self, key: &'static str, example: &str) -> Vec<Named<'a>> {
        let Some(node) = self.find(key) else {
            return Vec::new();
        };
        let Node::Map(entries) = node else {
            let rule = format!("must be a map, as in `{example}`, not {}", node.kind());
            self.note(key, node.shown(), rule);
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut named = Vec::with_capacity(entries.len());
        for (name, node) in entries {
            let path = format!("{}.{name}", self.join(key));
            let rule = if !seen.insert(name.as_str()) {
                TWICE
            } else if *node == Node::Null {
                "has no value: write one, or remove the key"
            } else {
                named.push(Named { name, path, node });
                continue;
            };
            self.refuse(&path, || (String::new(), rule.to_owned()));
        }
        named
    }

    /// Reads `node`, found in this map at `path`, as a map.
    pub(super) fn walk_at<T>(
        &mut self,
        path: &str,
        node: &Node,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        walk(path, node, self.faults, read).flatten()
    }

    /// Notes a fault at a path that may be anywhere in the file; `fault` makes its value and its rule.
    pub(super) fn refuse(&mut self, path: &str, fault: impl FnOnce() -> (String, String)) {
        note(self.faults, || {
            let (value, rule) = fault();
            Fault {
                path: path.to_owned(),
                value,
                rule,
                line: None,
            }
        });
    }

    /// Whether the key is written, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Whether the key is written, and its value is a map.
    pub(super) fn is_map(&self, key: &str) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|(name, node)| name == key && matches!(node, Node::Map(_)))
    }

    /// Whether this map has no fault so far.
    pub(super) fn is_sound(&self) -> bool {
        !self
            .faults
            .iter()
            .any(|fault| fault.path.starts_with(self.path))
    }

    /// Whether the key at this path, anywhere in the file, has a fault so far.
    pub(super) fn has_fault(&self, path: &str) -> bool {
        self.faults.iter().any(|fault| fault.path == path)
    }

    /// Notes a fault of a key.
    pub(super) fn fault(&mut self, key: &str, value: String, rule: &str) {
        self.note(key, value, rule.to_owned());
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        if *node == Node::Null {
            self.note(
                key,
                String::new(),
                "has no value: write one, or remove the key".to_owned(),
            );
            return None;
        }
        Some(node)
    }

    /// Notes unknown and repeated keys.
    fn check_keys(&mut self) {
        let mut seen = HashSet::new();
        for (key, _) in self.entries {
            // A hundred thousand unknown keys need not be compared with the known ones.
            if self.faults.len() > MOST_FAULTS {
                return;
            }
            let rule = if !seen.insert(key.as_str()) {
                TWICE.to_owned()
            } else if self.known.contains(&key.as_str()) {
                continue;
            } else if let Some(meant) = nearest(key, &self.known) {
                format!("unknown key; did you mean `{meant}`?")
            } else {
                format!("unknown key; the keys here are {}", self.known.join(", "))
            };
            self.note(key, String::new(), rule);
        }
    }

    fn note(&mut self, key: &str, value: String, rule: String) {
        let path = self.join(key);
        note(self.faults, || Fault {
            path,
            value,
            rule,
            line: None,
        });
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}
