use super::*;
use std::os::unix::fs::symlink;

/// Longer than anything here takes on a busy machine, and shorter than the slow poll, so that events must have been
/// the cause.
const PATIENCE: Duration = Duration::from_secs(20);

fn watch(folder: &Path, files: &str) -> Watch {
    Watch::new(vec![Pattern::new(files, folder)])
}

async fn notices(watch: &mut Watch, what: &str) {
    timeout(PATIENCE, watch.changed())
        .await
        .unwrap_or_else(|_| panic!("did not notice {what}"));
}

#[test]
fn a_star_stands_for_anything_in_the_last_segment() {
    for (pattern, name, expected) in [
        ("*.json", "a.json", true),
        ("*.json", ".json", false),
        ("*.json", ".a.json", false),
        (".*.json", ".a.json", true),
        ("*.json", "a.yaml", false),
        ("tg_*.json", "tg_.json", true),
        ("tg_*.json", "tg.json", false),
        ("a*a.yml", "a.yml", false),
        ("a*b*c", "a--b--c", true),
        ("a*b*c", "a--c--b", false),
        ("plain", "plain", true),
        ("plain", "plainer", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
    let base = Path::new("/etc/switchyard");
    let one = Pattern::new("targets.json", base);
    assert_eq!(one, Pattern::One("/etc/switchyard/targets.json".into()));
    let many = Pattern::new("/srv/*.json", base);
    assert_eq!(many, Pattern::Many("/srv".into(), "*.json".to_owned()));
}

#[tokio::test]
async fn every_way_of_changing_a_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    let mut watch = watch(folder.path(), "targets.json");

    fs::write(&file, "1").unwrap();
    notices(&mut watch, "a new file").await;
    fs::write(&file, "2").unwrap();
    notices(&mut watch, "a write in place, of the same length").await;
    fs::write(folder.path().join("new"), "3").unwrap();
    fs::rename(folder.path().join("new"), &file).unwrap();
    notices(&mut watch, "a rename over it").await;
    fs::remove_file(&file).unwrap();
    notices(&mut watch, "its end").await;
    fs::write(&file, "4").unwrap();
    notices(&mut watch, "its return").await;
    fs::write(&file, "5").unwrap();
    notices(&mut watch, "a write after its return").await;
}

#[tokio::test]
async fn a_swapped_link_is_noticed_as_in_kubernetes_and_behind_further_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (revision, content) in [("..1", "1"), ("..2", "2")] {
        fs::create_dir(at(revision)).unwrap();
        fs::write(at(revision).join("a.json"), content).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/a.json", at("a.json")).unwrap();
    let mut watch = watch(folder.path(), "*.json");

    symlink("..2", at("..tmp")).unwrap();
    fs::rename(at("..tmp"), at("..data")).unwrap();
    fs::remove_dir_all(at("..1")).unwrap();
    notices(&mut watch, "the swap").await;
    // The target of the link is watched as well, wherever it is.
    fs::write(at("..2").join("a.json"), "3").unwrap();
    notices(&mut watch, "a write behind the link").await;
}

#[tokio::test]
async fn a_folder_that_is_created_and_removed_again_is_watched_each_time() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("made/later");
    let mut watch = watch(above.path(), "made/later/*.json");
    for round in 0..3 {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.json"), "1").unwrap();
        notices(&mut watch, &format!("a file in a new folder, {round}")).await;
        fs::write(folder.join("a.json"), "2").unwrap();
        notices(&mut watch, &format!("its change, {round}")).await;
        fs::remove_dir_all(&folder).unwrap();
        notices(&mut watch, &format!("the folder's end, {round}")).await;
    }
}

#[tokio::test]
async fn what_changes_no_contents_is_not_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    fs::write(&file, "1").unwrap();
    let mut watch = watch(folder.path(), "a.json");
    fs::write(&file, "1").unwrap();
    fs::write(folder.path().join("b.json"), "2").unwrap();
    drop(fs::File::open(&file).unwrap());
    // A cancelled wait loses nothing: the change after it is noticed.
    let short = timeout(Duration::from_millis(200), watch.changed()).await;
    assert!(short.is_err());
    fs::write(&file, "3").unwrap();
    notices(&mut watch, "a change at last").await;
}

#[tokio::test(start_paused = true)]
async fn without_events_it_polls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let mut watch = Watch::with(vec![Pattern::new("a.json", folder.path())], false);
    fs::write(&file, "1").unwrap();
    let begun = Instant::now();
    watch.changed().await;
    assert!(begun.elapsed() < POLL + Duration::from_secs(1));
}

#[tokio::test]
async fn a_scan_that_hangs_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let mut watch = watch(folder.path(), "a.json");
    let watcher = Arc::clone(&watch.watcher);
    let (held, is_held) = std::sync::mpsc::channel();
    let (release, is_released) = std::sync::mpsc::channel::<()>();
    let hanging = std::thread::spawn(move || {
        let _held = watcher.lock();
        held.send(()).unwrap();
        let _ = is_released.recv();
    });
    is_held.recv().unwrap();
    fs::write(&file, "1").unwrap();
    let mut scans = Vec::new();
    while scans.len() < 3 {
        let wait = timeout(QUIET * MOST_WAITS * 2, watch.changed()).await;
        assert!(wait.is_err(), "there is no scan that could have ended");
        scans.extend(watch.scan.as_ref().map(JoinHandle::id));
    }
    assert!(
        scans.iter().all(|scan| Some(scan) == scans.first()),
        "{scans:?}"
    );
    drop(release);
    hanging.join().unwrap();
    notices(&mut watch, "the change that the scan has seen").await;
}
