//! Target groups as they are written, in JSON and YAML, read as Prometheus reads them.
//!
//! A label is text. YAML knows numbers and truth values too, and there the text as written counts: `1.10` is not 1.1,
//! `0x1F` not 31, `true` is four letters. Null and empty text are no label, and neither is a list or a map. JSON does not let Prometheus write a label
//! without quotes; here the text as written counts there as well.
//!
//! An answer of a few megabytes can hold millions of groups or targets. What is beyond the most that there can be is
//! counted and not kept.

mod json;
mod yaml;

use std::{cell::Cell, collections::BTreeMap, str};

use serde::de::DeserializeSeed;
use switchyard_config::{MOST_SUBSTATIONS, is_label_name};

use super::{Format, Malformed};
use json::JsonGroups;
use yaml::yaml_groups;

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    /// Those with a value, and with a name that `select` can have.
    pub(super) labels: Labels,
}

pub(super) type Labels = BTreeMap<String, String>;

/// What Prometheus calls the label `scheme`.
pub(super) const SCHEME: &str = "__scheme__";

/// Whether a label of this name is read. Others are left out, as Prometheus' own are.
fn is_read(name: &str) -> bool {
    is_label_name(name) || name == SCHEME
}

/// The groups of `content`, in order, and how many targets they have. Beyond [`MOST_SUBSTATIONS`] targets are counted,
/// not kept.
pub(super) fn read(content: &[u8], format: Format) -> Result<(Vec<Group>, usize), Malformed> {
    match format {
        Format::Json => {
            let count = Cell::new(0);
            let mut reader = serde_json::Deserializer::from_slice(content);
            let groups = JsonGroups(&count).deserialize(&mut reader)?;
            reader.end()?;
            Ok((groups, count.get()))
        }
        Format::Yaml => {
            let text = str::from_utf8(content).map_err(|error| {
                let at = error.valid_up_to() + 1;
                Malformed::Shape(format!("it is not UTF-8: byte {at} is no text"))
            })?;
            let groups =
                yaml_groups(&switchyard_bounded::yaml::read(text)?).map_err(Malformed::Shape)?;
            let count = groups.iter().map(|group| group.targets.len()).sum();
            Ok((groups, count))
        }
    }
}

fn require_few_groups(count: usize) -> Result<(), String> {
    if count > MOST_SUBSTATIONS {
        return Err(format!("has more than {MOST_SUBSTATIONS} groups"));
    }
    Ok(())
}
