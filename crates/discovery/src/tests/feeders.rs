//! Answers that name feeders, and the configurations that have them or not.

use super::*;
use std::{fs, path::Path};

const SOURCE: &str = "file_sd:a.yaml";
const FEEDERS: &str = "feeders: [{name: f7, capacity: 300}, {name: f8}]";

fn put(folder: &Path, text: &str) {
    fs::write(folder.join("new"), text).unwrap();
    fs::rename(folder.join("new"), folder.join("a.yaml")).unwrap();
}

fn target(name: &str, labels: &str) -> String {
    format!("- {{targets: [10.0.0.1:1], labels: {{name: {name}, {labels}}}}}\n")
}

fn rig(first: &str) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), first);
    Rig::new(folder, &format!("{{file_sd: [a.yaml]}}\n{FEEDERS}"))
}

impl Rig {
    /// The feeder and the labels of the only substation.
    fn only(&self) -> (Option<String>, String) {
        let listing = self.discovery.listing();
        let [one] = listing.as_slice() else {
            panic!("{listing:?}")
        };
        let labels = one.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (one.feeder.clone(), labels.join(" "))
    }
}

#[tokio::test]
async fn an_unknown_feeder_and_the_name_of_one_keep_the_last_good_answer() {
    let mut rig = rig(&target("n", "feeder: f7"));
    rig.finds(&["n"]).await;
    let at = rig.folder.path().to_path_buf();
    for (wrong, told) in [
        (
            target("n", "feeder: f9"),
            "n names the feeder f9, which is not one of `feeders`",
        ),
        (target("f8", "feeder: f7"), "f8 has the name of a feeder"),
        (target("n", "feeder: F7"), "n names the feeder F7"),
        (target("n", "feeder: no name"), "labels.feeder: "),
        (
            format!(
                "{}- {{targets: ['10.0.0.2:1', '10.0.0.3:1'], labels: {{feeder: x}}}}",
                target("n", "")
            ),
            "10.0.0.2:1 names the feeder x, which is not one of `feeders`, and 1 more don't fit the feeders",
        ),
    ] {
        put(&at, &wrong);
        rig.keeps(&["n"], SOURCE, Failed).await;
        assert_eq!(rig.only().0.as_deref(), Some("f7"), "{wrong}");
        assert_eq!(rig.log.count(told), 1, "{told}");
        put(&at, &target("n", "feeder: f7"));
        rig.keeps(&["n"], SOURCE, Good).await;
    }
}

#[tokio::test]
async fn a_change_of_the_feeder_or_of_a_label_alone_is_news() {
    let mut rig = rig(&target("n", "feeder: f7, zone: a"));
    rig.finds(&["n"]).await;
    assert_eq!(rig.only(), (Some("f7".to_owned()), "zone=a".to_owned()));
    let at = rig.folder.path().to_path_buf();
    for (labels, feeder, expected) in [
        ("feeder: f7, zone: b", Some("f7"), "zone=b"),
        ("feeder: f8, zone: b", Some("f8"), "zone=b"),
        ("zone: b, power: 1.50", None, "power=1.50 zone=b"),
    ] {
        rig.discovery.changes.mark_unchanged();
        put(&at, &target("n", labels));
        timeout(PATIENCE, rig.discovery.changed()).await.unwrap();
        assert_eq!(
            rig.only(),
            (feeder.map(ToOwned::to_owned), expected.to_owned())
        );
    }
}

#[tokio::test]
async fn an_answer_that_was_refused_is_accepted_once_its_feeder_is_there() {
    let mut rig = rig(&target("n", "feeder: f9"));
    rig.keeps(&[], SOURCE, Failed).await;
    let more = configured("{file_sd: [a.yaml]}\nfeeders: [{name: f9}]");
    assert_eq!(rig.discovery.misplaced(&more, rig.folder.path()), [""; 0]);
    // It is asked again at once: its own interval is minutes, and a failed one waits for seconds.
    rig.discovery.expect_feeders(&more.feeders);
    rig.finds(&["n"]).await;

    let fewer = configured("{file_sd: [a.yaml]}");
    let folder = rig.folder.path().to_path_buf();
    assert_eq!(
        rig.discovery.misplaced(&fewer, &folder),
        ["file_sd:a.yaml: n names the feeder f9, which is not one of `feeders`"]
    );
    let clash = configured("{file_sd: [a.yaml]}\nfeeders: [{name: f9}, {name: n}]");
    assert_eq!(
        rig.discovery.misplaced(&clash, &folder),
        ["file_sd:a.yaml: n has the name of a feeder"]
    );
    // A source that goes with the feeder does not hold it back.
    let other = configured("{file_sd: [b.yaml]}");
    assert_eq!(rig.discovery.misplaced(&other, &folder), [""; 0]);
    // Until a feeder is there, what names it gets no load.
    let merged = rig.discovery.merged(&fewer, &[]);
    assert_eq!((merged[0].drain_label, &merged[0].feeder), (true, &None));
    assert_eq!(rig.log.count("Discovered substation drained"), 1);
    let merged = rig.discovery.merged(&more, &[]);
    assert_eq!(
        (merged[0].drain_label, merged[0].feeder.as_deref()),
        (false, Some("f9"))
    );
}
