//! Labels of substations: their names by Prometheus' rule, their values as text, and how many there may be.

use std::collections::BTreeMap;

use super::{values, walk::Section};

/// The most labels of one substation: a target of a Kubernetes cluster has some thirty.
pub const MOST_LABELS: usize = 64;
/// The longest name of a label, in bytes.
const LONGEST_NAME: usize = 128;
/// The longest value of a label, in bytes.
pub(super) const LONGEST_VALUE: usize = 1024;
/// Target labels that are keys of a substation, and one that is kept for its address.
const OURS: [&str; 5] = ["name", "capacity", "feeder", "drain", "scheme"];
/// What a message shows of labels.
const EXAMPLE: &str = "labels: {connector: \"ccs,type2\", zone: a}";

/// Whether a target label of this name is a key of the substation, or reserved to become one.
#[must_use]
pub fn is_key_label(name: &str) -> bool {
    OURS.contains(&name)
}

/// Whether `name` is that of a label by Prometheus' rule, and Prometheus does not keep it for itself (`__address__`).
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    begins_well && !name.starts_with("__") && name.bytes().all(allowed)
}

/// Checks the length of a label's name and of its value; else the rule that it breaks.
pub fn check_label_length(name: &str, value: &str) -> Result<(), String> {
    if name.len() > LONGEST_NAME {
        Err(format!(
            "has a name of {} bytes; the most is {LONGEST_NAME}",
            name.len()
        ))
    } else if value.len() > LONGEST_VALUE {
        Err(format!(
            "has {} bytes; the most is {LONGEST_VALUE}",
            value.len()
        ))
    } else {
        Ok(())
    }
}

/// Checks that a file may name a label so; else the rule that it breaks.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name == "scheme" {
        Err("is a key of discovered targets and no label here: write `tls: {}` for https, `tls: false` for http".to_owned())
    } else if is_key_label(name) {
        Err(format!(
            "is a key of a substation and not a label: it is `substations[].{name}`"
        ))
    } else if name.starts_with("__") {
        Err(
            "begins with `__`, as labels do that Prometheus keeps for itself: choose another name"
                .to_owned(),
        )
    } else if is_label_name(name) {
        check_label_length(name, "")
    } else {
        Err(
            "is not a label's name: write letters, digits and '_', the first not a digit"
                .to_owned(),
        )
    }
}

/// The labels of a substation.
pub(super) fn labels(s: &mut Section<'_>) -> BTreeMap<String, String> {
    let named = s.named("labels", EXAMPLE);
    if named.len() > MOST_LABELS {
        let rule = format!("has {} labels; the most is {MOST_LABELS}", named.len());
        s.fault("labels", String::new(), &rule);
        return BTreeMap::new();
    }
    let mut labels = BTreeMap::new();
    for entry in named {
        match value(entry.name, entry.node) {
            Ok(value) => {
                labels.insert(entry.name.to_owned(), value);
            }
            Err(rule) => s.refuse(&entry.path, || (entry.node.shown(), rule)),
        }
    }
    labels
}

fn value(name: &str, node: &super::tree::Node) -> Result<String, String> {
    check_name(name)?;
    let value = values::text_as_written(node)?;
    if value.is_empty() {
        return Err("is empty, which is no label: write a value, or remove the key".to_owned());
    }
    check_label_length(name, value)?;
    Ok(value.to_owned())
}
