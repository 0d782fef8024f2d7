//! The keys of the configuration: docs/configuration-keys.md.

use std::collections::BTreeMap;

use serde_json::Value;
use switchyard_config::Config;

use super::{cells, is_written, leading_words, row};
use requester::grouped;

/// Keys whose default follows from another key or from the machine, so it is prose.
const DERIVED: [&str; 4] = [
    "limits.requests",
    "limits.client.connections",
    "limits.client.requests",
    "routes[].buffer",
];

/// A key and what the schema says of it.
type Key = (String, Value);

/// The keys below `schema`, in its order.
fn keys(schema: &Value, path: &str, found: &mut Vec<Key>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (key, schema) in properties {
            let path = format!("{path}.{key}");
            keys(schema, path.trim_start_matches('.'), found);
        }
    } else if let Some(forms) = schema["anyOf"].as_array() {
        // A value with a short form has the keys of its full form as well.
        let [short, full] = forms.as_slice() else {
            panic!("{path} has {} forms", forms.len());
        };
        if full["properties"].is_object() && !path.ends_with("[]") {
            found.push((path.to_owned(), short.clone()));
        }
        keys(full, path, found);
    } else if let Some(patterns) = schema["patternProperties"].as_object() {
        for schema in patterns.values() {
            keys(schema, &format!("{path}.LABEL"), found);
        }
    } else if schema["items"].is_object() {
        keys(&schema["items"], &format!("{path}[]"), found);
    } else {
        found.push((path.to_owned(), schema.clone()));
    }
}

/// A number as the page writes it, with a comma between thousands.
fn number(value: &Value) -> Option<String> {
    let whole = value.as_u64();
    whole.map(|whole| grouped(usize::try_from(whole).unwrap()))
}

/// The default: the schema's, and what the page says beyond it.
fn default(key: &str, schema: &Value, kept: &str) -> String {
    let value = match &schema["default"] {
        Value::String(text) => text.clone(),
        // 1 and 1.0 are one number.
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return kept.to_owned(),
    };
    if DERIVED.contains(&key) {
        return kept.to_owned();
    }
    let (words, rest) = leading_words(kept);
    if words.is_empty() {
        return format!("`{value}`");
    }
    format!("`{value}`{rest}")
}

/// The words or the range that the schema allows, and what the page says beyond them.
fn rule(schema: &Value, kept: &str) -> String {
    let forms = schema["oneOf"].as_array();
    let forms = forms.map(|forms| forms.iter().map(|form| &form["const"]).collect::<Vec<_>>());
    let words = schema["enum"].as_array();
    let words = words.map(|words| words.iter().collect()).or(forms);
    if let Some(words) = words.filter(|words| words.iter().all(|word| word.is_string())) {
        let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
        let (mut said, rest) = leading_words(kept);
        let mut sorted = words.clone();
        said.sort_unstable();
        sorted.sort_unstable();
        // The same words in another order, or as those of another key, are as good.
        if said == sorted || kept.starts_with("as `") {
            return kept.to_owned();
        }
        return format!("`{}`{rest}", words.join("`, `"));
    }
    let limits = [&schema["minimum"], &schema["maximum"]].map(number);
    if (schema["type"] == "integer" || schema["type"] == "number")
        && let [Some(least), Some(most)] = limits
    {
        let begins = |c: char| !(c.is_ascii_digit() || c == ',' || c == ' ');
        let rest = match kept.split_once(" to ") {
            Some((_, rest)) => rest.find(begins).map_or("", |at| &rest[at..]),
            None => "",
        };
        return format!("{least} to {most}{rest}");
    }
    kept.to_owned()
}

/// A table for each part of the file; the parts and the keys of each in the order that they are kept in.
fn tables(kept: &str) -> String {
    let schema = serde_json::to_value(Config::schema()).unwrap();
    let mut found = Vec::new();
    keys(&schema, "", &mut found);
    let known: BTreeMap<String, Value> = found.iter().cloned().collect();
    let key_of = |line: &str| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned());
    let mut order: Vec<String> = kept.lines().filter_map(key_of).collect();
    let rows: BTreeMap<_, _> = kept
        .lines()
        .filter_map(|line| Some((key_of(line)?, cells(line))))
        .collect();
    assert_eq!(order.len(), rows.len(), "a key has two rows");
    order.retain(|key| known.contains_key(key));
    let new = found.into_iter().map(|(key, _)| key);
    order.extend(new.filter(|key| !rows.contains_key(key)));

    let part = |key: &str| key.split(['.', '[']).next().unwrap().to_owned();
    let mut parts: Vec<String> = Vec::new();
    for key in &order {
        if !parts.contains(&part(key)) {
            parts.push(part(key));
        }
    }
    let mut page = String::new();
    for name in parts {
        let about = schema["properties"][&name]["description"].as_str().unwrap();
        page += "## `";
        page += &name;
        page += "`\n\n";
        page += about;
        page += "\n\n| key | default | value | rule | meaning |\n| --- | --- | --- | --- | --- |\n";
        for key in order.iter().filter(|key| part(key) == name) {
            let empty = vec![String::new(); 5];
            let kept = rows.get(key).unwrap_or(&empty);
            let schema = &known[key];
            page += &row(&[
                format!("`{key}`"),
                default(key, schema, &kept[1]),
                kept[2].clone(),
                rule(schema, &kept[3]),
                kept[4].clone(),
            ]);
            page += "\n";
        }
        page += "\n";
    }
    page
}

#[test]
fn every_key_of_the_configuration_is_documented_as_the_schema_has_it() {
    is_written("docs/configuration-keys.md", "keys", tables);
}
