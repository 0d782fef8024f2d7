//! The tables of metric families: docs/metrics.md.

use std::collections::{BTreeMap, BTreeSet};

use super::{cells, is_written, row};
use crate::{Families, pages, quoted, shown};

/// A row for each family that `page` shows, in the order that they are kept in; unit and meaning are kept, and those of a
/// new family begin with its help.
fn table(kept: &str, page: &str) -> String {
    let (families, _): (Families, _) = shown(page);
    let help: BTreeMap<_, _> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .collect();
    let rows: Vec<_> = kept.lines().skip(2).map(cells).collect();
    let name = |cells: &[String]| quoted(&cells[0]).pop_first().unwrap();
    let mut lines: Vec<_> = kept.lines().take(2).map(str::to_owned).collect();
    let mut written = BTreeSet::new();
    for mut cells in rows {
        let name = name(&cells);
        // The process collector has its families on Linux only.
        let elsewhere = cfg!(not(target_os = "linux")) && name.contains("process_");
        if let Some(family) = families.get(&name) {
            cells[1].clone_from(&family.kind);
            if quoted(&cells[2]) != family.labels {
                cells[2] = labels(&family.labels);
            }
            lines.push(row(&cells));
        } else if elsewhere {
            lines.push(row(&cells));
        }
        written.insert(name);
    }
    for (name, family) in families {
        if !written.contains(&name) {
            let help = help.get(name.as_str()).unwrap_or(&"");
            lines.push(row(&[
                format!("`{name}`"),
                family.kind,
                labels(&family.labels),
                String::new(),
                (*help).to_owned(),
            ]));
        }
    }
    lines.join("\n")
}

fn labels(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[tokio::test]
async fn every_metric_family_is_documented_as_the_programs_show_it() {
    let [_, proxy, substation] = pages().await;
    is_written("docs/metrics.md", "proxy", |kept| table(kept, &proxy));
    is_written("docs/metrics.md", "substation", |kept| {
        table(kept, &substation)
    });
}
