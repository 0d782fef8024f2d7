//! Each kind of source against a real server or file, broken in each way: the last good answer is kept, and metric
//! and log say so.

mod dns;
mod feeders;
mod files;
mod http;

use super::*;
use crate::metrics::AnswerOutcome::{self, Empty, Failed, Ok as Good};
use parking_lot::Mutex;
use prometheus::Registry;
use std::{io, time::Duration};
use switchyard_config::Config;
use switchyard_telemetry::Registrar;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tracing::subscriber::DefaultGuard;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The words of the log.
const FAILS: &str = "Discovery source failed";
const EMPTY: &str = "Discovery source returned no targets";
const WELL: &str = "Discovery source recovered";

/// A running discovery, and what it logged on this thread.
struct Rig {
    folder: TempDir,
    metrics: DiscoveryFamilies,
    discovery: Discovery,
    vitals: Vitals,
    log: Log,
    _logging: DefaultGuard,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

/// A line with these words panics once, as a broken log did.
const TRAP: &str = "source=\"file_sd:trap.json\" added=1";

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let is_first = self.count(TRAP) == 0;
        self.0.lock().extend(text);
        let text_now = String::from_utf8_lossy(text);
        assert!(!(is_first && text_now.contains(TRAP)), "the log fails");
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn count(&self, words: &str) -> usize {
        let log = self.0.lock();
        std::str::from_utf8(&log).unwrap().matches(words).count()
    }
}

fn configured(yaml: &str) -> Config {
    let config = Config::from_yaml(&format!("discovery: {yaml}"), "test");
    config.unwrap_or_else(|error| panic!("{error}"))
}

/// A configuration of this section alone, and of no source.
fn without_sources(section: &str) -> Config {
    let mut config = configured(&format!("{{file_sd: [none.json]}}\n{section}"));
    config.discovery = config::Discovery::default();
    config
}

impl Rig {
    fn new(folder: TempDir, yaml: &str) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let logging = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let logging = tracing::subscriber::set_default(logging);
        let metrics = DiscoveryFamilies::register(Registrar::new(&Registry::new())).unwrap();
        let vitals = Vitals::default();
        let discovery = Discovery::start(&configured(yaml), folder.path(), &metrics, &vitals, None);
        Self {
            folder,
            metrics,
            discovery,
            vitals,
            log,
            _logging: logging,
        }
    }

    fn names(&self) -> Vec<String> {
        let listing = self.discovery.listing();
        listing.into_iter().map(|found| found.name).collect()
    }

    /// Waits until exactly these names are found.
    async fn finds(&mut self, names: &[&str]) {
        let found = async {
            while self.names() != names {
                self.discovery.changed().await;
            }
        };
        let is_found = timeout(PATIENCE, found).await.is_ok();
        assert!(is_found, "found {:?}, not {names:?}", self.names());
    }

    /// Waits for two more refreshes with this outcome, and checks that the listing has not changed.
    async fn keeps(&self, names: &[&str], source: &str, outcome: AnswerOutcome) {
        let metrics = self.metrics.handles(source);
        let before = metrics.counted(outcome);
        let looked = async {
            while metrics.counted(outcome) < before + 2 {
                self.discovery.refresh();
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, looked)
            .await
            .unwrap_or_else(|_| panic!("no refresh of {source} ended as {outcome:?}"));
        assert_eq!(self.names(), names, "after {outcome:?}");
    }
}

#[tokio::test]
async fn a_source_that_stays_keeps_its_answer_and_a_removed_source_loses_its_series() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.json", r#"[{"targets": ["10.0.0.1:1"]}]"#);
    write("b.json", r#"[{"targets": ["10.0.0.2:1"]}]"#);
    let mut rig = Rig::new(folder, "{file_sd: [a.json, b.json]}");
    timeout(PATIENCE, rig.discovery.settled()).await.unwrap();
    rig.finds(&["10.0.0.1:1", "10.0.0.2:1"]).await;

    // Another order, an altered source, a new source: the unchanged source's answer is kept without a refresh.
    std::fs::remove_file(rig.folder.path().join("a.json")).unwrap();
    let next = configured("{file_sd: [{files: b.json, refresh: 1m}, a.json, c.json]}");
    let nothing = without_sources("");
    let Rig {
        discovery,
        metrics,
        vitals,
        folder,
        ..
    } = &mut rig;
    let none = Discovery::start(&nothing, folder.path(), metrics, vitals, None);
    let before = std::mem::replace(discovery, none);
    *discovery = Discovery::start(&next, folder.path(), metrics, vitals, Some(before));
    assert_eq!(rig.names(), ["10.0.0.1:1"]);
    assert!(!rig.discovery.is_settled());
    timeout(PATIENCE, rig.discovery.changed()).await.unwrap();
    rig.finds(&["10.0.0.2:1", "10.0.0.1:1"]).await;
    timeout(PATIENCE, rig.discovery.settled()).await.unwrap();
    assert_eq!(rig.metrics.handles("file_sd:b.json").targets(), 1);

    let Rig {
        discovery,
        metrics,
        vitals,
        folder,
        ..
    } = &mut rig;
    let none = Discovery::start(&nothing, folder.path(), metrics, vitals, None);
    drop(std::mem::replace(discovery, none));
    assert!(rig.discovery.is_settled(), "nothing to wait for");
    assert_eq!(rig.metrics.handles("file_sd:b.json").targets(), 0);
}

#[tokio::test]
async fn a_conflict_is_logged_once_for_as_long_as_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let text = "- {targets: [10.0.0.1:1], labels: {name: taken}}\n- targets: [10.0.0.2:1]";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let mut rig = Rig::new(folder, "{file_sd: [a.yaml]}");
    rig.finds(&["taken", "10.0.0.2:1"]).await;
    let address = "10.0.0.9:1".parse().unwrap();
    let mut listed = without_sources("");
    listed.substations = vec![Substation::new("taken".to_owned(), address)];
    let nothing = without_sources("");
    let left_out = "Discovered substation ignored";
    for _ in 0..3 {
        assert_eq!(rig.discovery.merged(&listed, &[]).len(), 2);
        assert_eq!(rig.log.count(left_out), 1);
    }
    assert_eq!(rig.discovery.merged(&nothing, &[]).len(), 2);
    assert_eq!(rig.discovery.merged(&listed, &[]).len(), 2);
    assert_eq!(rig.log.count(left_out), 2);
}

#[tokio::test]
async fn a_source_whose_task_dies_is_down_for_a_moment_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("trap.json"), text).unwrap();
    write(r#"[{"targets": ["10.0.0.1:1"]}]"#);
    let path = folder.path().join("trap.json");
    let mut rig = Rig::new(folder, "{file_sd: [trap.json]}");
    let is_down = async {
        while rig.vitals.down().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, is_down).await.expect("it is down");
    assert_eq!(
        *rig.vitals.down(),
        ["discovery of file_sd:trap.json".into()]
    );
    timeout(PATIENCE, rig.discovery.settled()).await.unwrap();
    assert!(rig.vitals.down().is_empty());
    rig.finds(&["10.0.0.1:1"]).await;
    std::fs::write(path, r#"[{"targets": ["10.0.0.1:1", "10.0.0.2:1"]}]"#).unwrap();
    rig.finds(&["10.0.0.1:1", "10.0.0.2:1"]).await;
}
