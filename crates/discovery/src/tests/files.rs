use super::*;
use std::{fs, path::Path, time::Instant};

const ONE: &str = r#"[{"targets": ["10.0.0.1:1"], "labels": {"name": "one"}}]"#;
const TWO: &str = r#"[{"targets": ["10.0.0.2:1"], "labels": {"name": "two"}}]"#;
const SOURCE: &str = "file_sd:a.json";

/// A thousand groups, each with labels.
fn thousand() -> String {
    let group = |i: usize| {
        let (high, low) = (i / 256, i % 256);
        let labels = r#""capacity": "500", "job": "substation""#;
        format!(
            r#"{{"targets": ["10.0.{high}.{low}:5001"], "labels": {{"name": "s{i}", {labels}}}}}"#
        )
    };
    format!("[{}]", (0..1000).map(group).collect::<Vec<_>>().join(","))
}

/// Replaces a file atomically: writes a new one and renames it over.
fn put(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join("new"), text).unwrap();
    fs::rename(folder.join("new"), folder.join(name)).unwrap();
}

#[tokio::test]
async fn a_broken_empty_or_missing_file_changes_nothing_until_it_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.json", ONE);
    let mut rig = Rig::new(folder, "{file_sd: [a.json]}");
    rig.finds(&["one"]).await;
    let at = rig.folder.path().to_path_buf();
    let broken = ["{", "[{\"targets\": [\"10.0.0.1\"]}]", "\u{0}", ""];
    for (round, text) in broken.into_iter().enumerate() {
        put(&at, "a.json", text);
        rig.keeps(&["one"], SOURCE, Failed).await;
        put(&at, "a.json", "[]");
        rig.keeps(&["one"], SOURCE, Empty).await;
        fs::remove_file(at.join("a.json")).unwrap();
        rig.keeps(&["one"], SOURCE, Failed).await;
        put(&at, "a.json", ONE);
        rig.keeps(&["one"], SOURCE, Good).await;
        // One line for each change of health, whatever the number of refreshes.
        let rounds = round + 1;
        assert_eq!(rig.log.count(FAILS), 2 * rounds);
        assert_eq!(
            (rig.log.count(EMPTY), rig.log.count(WELL)),
            (rounds, rounds)
        );
    }
    assert_eq!(rig.metrics.handles(SOURCE).targets(), 1);
    put(&at, "a.json", TWO);
    rig.finds(&["two"]).await;
}

#[tokio::test]
async fn an_empty_file_is_accepted_where_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.json", ONE);
    let mut rig = Rig::new(folder, "{file_sd: [{files: a.json, allow_empty: true}]}");
    rig.finds(&["one"]).await;
    put(rig.folder.path(), "a.json", "[]");
    rig.finds(&[]).await;
    assert_eq!(rig.metrics.handles(SOURCE).targets(), 0);
}

#[tokio::test]
async fn files_of_a_pattern_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.json", ONE);
    let mut rig = Rig::new(folder, "{file_sd: [\"*.json\"]}");
    rig.finds(&["one"]).await;
    let at = rig.folder.path().to_path_buf();
    put(&at, "b.json", TWO);
    rig.finds(&["one", "two"]).await;
    fs::remove_file(at.join("a.json")).unwrap();
    rig.finds(&["two"]).await;
    // Without any file the answer is empty, now that there was one.
    fs::remove_file(at.join("b.json")).unwrap();
    rig.keeps(&["two"], "file_sd:*.json", Empty).await;
}

#[tokio::test]
async fn a_pattern_that_has_never_matched_a_file_is_no_failure_and_waits_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let patterns = "{file_sd: [\"targets/*.json\", \"*.yaml\"]}";
    let mut rig = Rig::new(folder, patterns);
    for source in ["file_sd:targets/*.json", "file_sd:*.yaml"] {
        rig.keeps(&[], source, AnswerOutcome::NoFile).await;
        let counted = |outcome| rig.metrics.handles(source).counted(outcome);
        assert_eq!((counted(Empty), counted(Failed)), (0, 0));
    }
    assert_eq!((rig.log.count(FAILS), rig.log.count(EMPTY)), (0, 0));
    let targets = rig.folder.path().join("targets");
    fs::create_dir(&targets).unwrap();
    put(&targets, "a.json", ONE);
    rig.finds(&["one"]).await;
}

#[tokio::test]
async fn a_thousand_targets_are_found_within_a_second_of_their_write() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.json", ONE);
    let mut rig = Rig::new(folder, "{file_sd: [a.json]}");
    rig.finds(&["one"]).await;
    let begun = Instant::now();
    put(rig.folder.path(), "a.json", &thousand());
    timeout(PATIENCE, async {
        while rig.discovery.merged(&without_sources(""), &[]).len() != 1000 {
            rig.discovery.changed().await;
        }
    })
    .await
    .unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_hostile_file_costs_neither_time_nor_threads_nor_the_log() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.yaml", ONE);
    let mut rig = Rig::new(folder, "{file_sd: [a.yaml]}");
    rig.finds(&["one"]).await;
    let at = rig.folder.path().to_path_buf();
    let broken = [
        "[".repeat(200_000),
        format!("- targets: [\"{}\"]", "x".repeat(8 << 20)),
        format!("- \"{}\": 1", "\\e[2J".repeat(100)),
        "- {targets: []}\n".repeat(20_000),
    ];
    for text in broken {
        let begun = Instant::now();
        put(&at, "a.yaml", &text);
        rig.keeps(&["one"], "file_sd:a.yaml", Failed).await;
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        put(&at, "a.yaml", ONE);
        rig.keeps(&["one"], "file_sd:a.yaml", Good).await;
    }
    // A pipe without a writer.
    let pipe = at.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::rename(pipe, at.join("a.yaml")).unwrap();
    rig.keeps(&["one"], "file_sd:a.yaml", Failed).await;
    assert_eq!(rig.log.count("it is a pipe"), 1);
    let log = rig.log.0.lock();
    assert!(log.len() < 10_000, "{} bytes", log.len());
    assert!(!log.contains(&b'\x1b'));
}

#[tokio::test]
async fn link_local_substations_need_a_range_of_their_own() {
    let targets = r#"[{"targets": ["169.254.1.7:1", "169.254.169.254:1", "10.0.0.1:1"]}]"#;
    for (allow, found) in [
        ("[0.0.0.0/0, \"::/0\"]", &["10.0.0.1:1"][..]),
        ("[169.254.1.0/24]", &["169.254.1.7:1"]),
        (
            "[10.0.0.0/8, 169.254.0.0/16]",
            &["169.254.1.7:1", "169.254.169.254:1", "10.0.0.1:1"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a.json", targets);
        let mut rig = Rig::new(folder, &format!("{{allow: {allow}, file_sd: [a.json]}}"));
        rig.finds(found).await;
    }
}
