//! Compares the documents with the code: what they name must exist, and what exists must be in them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

mod reference;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use requester::{Energy, Load, Profile, grouped};
use substation::Substation;
use switchyard_config::Config;
use switchyard_discovery::Discovery;
use switchyard_grid::{Clock, FeederView, Grid, Scraper};
use switchyard_limits::{Order, Timestamp};
use switchyard_proxy::{
    admin::metrics_page, dispatch::DispatchState, metrics::Metrics, runtime::Runtime,
};
use switchyard_telemetry::Page;
use switchyard_tls::Credentials;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Labels whose values depend on what runs, not on the code.
const OPEN_LABELS: [&str; 8] = [
    "client",
    "feeder",
    "substation",
    "source",
    "code",
    "version",
    "revision",
    "name",
];

/// A metric family, as on a metrics page or in a table.
#[derive(Debug, PartialEq, Eq)]
struct Family {
    kind: String,
    labels: BTreeSet<String>,
}

type Families = BTreeMap<String, Family>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: impl AsRef<Path>) -> String {
    let file = root().join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The lines from a heading to the next one of the same depth.
fn section<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let depth = heading.split(' ').next().unwrap();
    let lines: Vec<_> = text
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| line.split(' ').next() != Some(depth))
        .collect();
    assert!(!lines.is_empty(), "no section {heading:?}");
    lines
}

/// The rows of a section's tables, as cells.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("| ---");
    let rows = section(text, heading).into_iter().filter(is_row);
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The words of a cell in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The families of a table, each with its whole row.
fn documented<'a>(text: &'a str, heading: &str) -> (Families, BTreeMap<String, Vec<&'a str>>) {
    let (mut families, mut whole) = (Families::new(), BTreeMap::new());
    for row in rows(text, heading) {
        let [name, kind, labels, ..] = row.as_slice() else {
            panic!("a row of too few cells: {row:?}");
        };
        let Some(name) = quoted(name).pop_first() else {
            continue;
        };
        let family = Family {
            kind: (*kind).to_owned(),
            labels: quoted(labels),
        };
        assert!(
            families.insert(name.clone(), family).is_none(),
            "{name} stands twice"
        );
        whole.insert(name, row);
    }
    (families, whole)
}

/// The families of a page, each with the label values that the code determines.
fn shown(page: &str) -> (Families, BTreeMap<String, BTreeSet<String>>) {
    let (mut families, mut values) = (Families::new(), BTreeMap::new());
    for line in page.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            let family = Family {
                kind: kind.to_owned(),
                labels: BTreeSet::new(),
            };
            families.insert(name.to_owned(), family);
        } else if let Some((name, rest)) = line.split_once('{') {
            let (labels, _) = rest.split_once('}').unwrap();
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix))
                .find(|name| families.contains_key(*name))
                .unwrap_or(name);
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once('=').unwrap();
                if label == "le" {
                    continue;
                }
                families
                    .get_mut(name)
                    .unwrap()
                    .labels
                    .insert(label.to_owned());
                if !OPEN_LABELS.contains(&label) {
                    let values: &mut BTreeSet<String> = values.entry(name.to_owned()).or_default();
                    values.insert(value.trim_matches('"').to_owned());
                }
            }
        }
    }
    assert!(families.len() > 10, "not a metrics page:\n{page}");
    (families, values)
}

/// Compares a table with a page, except the families that the process collector has on Linux only.
fn compare(text: &str, heading: &str, page: &str) {
    let (mut documented, rows) = documented(text, heading);
    let (mut shown, values) = shown(page);
    if cfg!(not(target_os = "linux")) {
        documented.retain(|name, _| !name.contains("process_"));
        shown.retain(|name, _| !name.contains("process_"));
    }
    assert_eq!(
        documented, shown,
        "{heading}: left is documented, right is shown"
    );
    for (name, values) in values {
        let words = quoted(&rows[&name].join(" "));
        let missing: Vec<_> = values.difference(&words).collect();
        assert!(
            missing.is_empty(),
            "{name}: {missing:?} not in its row of {heading}"
        );
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What only a proxy shows that asks Prometheus.
fn of_queries() -> String {
    let yaml = "substations: [{name: one, address: 127.0.0.1:1}]\n\
                load: {prometheus: {url: 'http://127.0.0.1:1', query: load}}";
    let config = Config::from_yaml(yaml, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
    let mut page = Page::after(Vec::new(), "switchyard");
    grid.write_gauges(&mut page);
    let page = String::from_utf8(page.into_text()).unwrap();
    let lines = page.lines().filter(|line| line.contains("load_quer"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The proxy's page before any sample and after the first sample, and a substation's page.
async fn pages() -> [String; 3] {
    let substation = Substation::new(substation::Config::new("one", 500.0)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(substation::run(
        substation,
        listener,
        std::future::pending(),
    ));

    // With TLS on both sides, a fleet, a client and a feeder with a meter, because some metrics exist only with them.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| files.path().join(name));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let pair = format!(
        "certificate: {}, key: {}",
        certificate.display(),
        key.display()
    );
    let yaml = format!(
        "substations: [{{name: one, address: \"{address}\", feeder: above}}, {{name: two, address: \"127.0.0.1:1\", tls: {{}}}}]\n\
         feeders: [{{name: above, load: {{address: \"{address}\"}}}}]\ntls: {{{pair}}}\n\
         admin: {{tls: {{{pair}}}}}\nfleet: {{store: \"unix:/none\"}}\n\
         clients: [{{name: one, token_sha256: {}}}]",
        "a0".repeat(32)
    );
    let config = Config::from_yaml(&yaml, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("targets.json"),
        r#"[{"targets": ["10.0.0.1:1"]}]"#,
    )
    .unwrap();
    let found = Config::from_yaml("discovery: {file_sd: [targets.json]}", "test").unwrap();
    let vitals = switchyard_process::vital::Vitals::default();
    let discovery = Discovery::start(&found, folder.path(), &metrics.discovery, &vitals, None);
    let grid = Arc::new(Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap());
    let credentials = Credentials::load(&config, "test").unwrap();
    let runtime = Runtime::new(config, credentials, grid, metrics);
    let dispatch = DispatchState::default();
    let render = || String::from_utf8(metrics_page(&runtime, &dispatch).unwrap()).unwrap();

    let before = render();
    timeout(PATIENCE, discovery.settled()).await.unwrap();
    let scraper = tokio::spawn(Scraper::new(runtime.grids(), 1).run());
    timeout(PATIENCE, async {
        let is_read = |view: FeederView<'_>| view.sample_age.is_some();
        let is_complete = |grid: &Grid| grid.is_ready() && grid.feeder_views().all(is_read);
        while !is_complete(&runtime.now().grid) {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    scraper.abort();
    // Those of limits exist only with one.
    let limit = r#"{"value": 5, "source": "dso", "fallback": 1, "heartbeat": "1h"}"#;
    let now = Timestamp::from(SystemTime::now());
    let order = Order::read(limit.as_bytes(), now).unwrap();
    let (grid, client) = (Arc::clone(&runtime.now().grid), address.ip());
    for name in ["one", "above"] {
        let order = order.clone();
        runtime.limits.put(&grid, name, order, client).unwrap();
    }
    let after = render() + &of_queries();
    [before, after, get(address, "/metrics").await]
}

#[tokio::test]
async fn the_metrics_are_those_of_the_documentation() {
    let text = read("docs/metrics.md");
    let [before, after, substation] = pages().await;
    compare(&text, "## The proxy", &after);
    compare(&text, "## The substation", &substation);

    // The row of a family without series before the first sample says so.
    let (families, rows) = documented(&text, "## The proxy");
    let (early, _) = shown(&before);
    for name in families.keys() {
        let on_linux_only = name.contains("process_") && cfg!(not(target_os = "linux"));
        let says_absent = rows[name].join(" ").contains("Absent ");
        assert_eq!(
            says_absent,
            !early.contains_key(name) && !on_linux_only,
            "{name}"
        );
    }
}

#[test]
fn every_key_of_the_threat_model_is_a_key_of_the_configuration() {
    let configuration = read("docs/configuration-keys.md");
    let known: BTreeSet<_> = rows(&configuration, "# Every configuration key")
        .iter()
        .flat_map(|row| quoted(row[0]))
        .collect();
    let text = read("docs/security.md");
    let bounds = rows(&text, "## What is bounded");
    let named: BTreeSet<_> = bounds.iter().flat_map(|row| quoted(row[2])).collect();
    assert!(named.len() > 10, "only {named:?}");
    assert!(named.is_subset(&known), "{:?}", named.difference(&known));
}

/// All Rust sources under these folders, as one text.
fn sources(folders: &[impl AsRef<Path>]) -> String {
    let mut text = String::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_documented_log_line_is_in_the_code() {
    // Only what runs: a test may quote a line that no program logs.
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let mut folders: Vec<_> = crates
        .map(|each| each.unwrap().path().join("src"))
        .collect();
    folders.push(root().join("proxy/src"));
    let (text, code) = (read("docs/operations/logs.md"), sources(&folders));
    let messages: BTreeSet<_> = rows(&text, "## What it logs")
        .iter()
        .filter_map(|row| quoted(row[0]).pop_first())
        .collect();
    assert!(messages.len() > 5, "{messages:?}");
    for message in messages {
        assert!(code.contains(&format!("\"{message}\"")), "{message}");
    }
}

#[test]
fn the_readme_says_how_many_cars_the_demo_brings() {
    let help = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["demo", "--help"])
        .output()
        .unwrap();
    // Lines are broken anywhere.
    let help = String::from_utf8(help.stdout).unwrap();
    let help: Vec<_> = help.split_whitespace().collect();
    let help = help.join(" ");
    for default in [
        "[default: 1m]",
        "[default: 30000]",
        "[default: 16:00-22:00]",
        "[default: 1]",
    ] {
        assert!(help.contains(default), "{default} is not in {help}");
    }
    let minute = Duration::from_mins(1);
    let curve = Profile::Home.curve(30_000.0, "16:00-22:00".parse().unwrap(), minute);
    let target = "http://127.0.0.1:1".parse().unwrap();
    let mut offered = requester::Options::new(target, Load::Curve(curve.unwrap()));
    offered.seed = 1;
    offered.cars.energy_kwh = Energy::Drawn(Profile::Home.energy());
    let cars = format!("{} cars in one minute", grouped(offered.offers().count()));
    assert!(read("README.md").contains(&cars), "{cars}");
}

#[test]
fn every_test_that_the_invariants_cite_exists() {
    let code = sources(&["crates", "proxy/src", "substation"]);
    let architecture = read("ARCHITECTURE.md");
    let named: BTreeSet<_> = rows(&architecture, "## Invariants")
        .iter()
        .skip(1)
        .inspect(|row| assert_eq!(row.len(), 3, "{row:?}"))
        .flat_map(|row| quoted(row[2]))
        .filter(|word| word.contains('_'))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    for test in named {
        assert!(code.contains(&format!("fn {test}(")), "no test {test}");
    }
}

#[test]
fn the_judges_of_simulated_days_are_listed_and_each_holds_an_invariant() {
    let testing = read("docs/testing.md");
    let listed: BTreeSet<_> = rows(&testing, "### The judges")
        .iter()
        .skip(1)
        .flat_map(|row| quoted(row[0]))
        .collect();
    // The runner's own two: a day that does not end, and one that dies.
    let runner = ["hangs", "crashed"].map(str::to_owned);
    let code = read("simulation/src/judges.rs");
    let bench = code.lines().filter_map(|line| {
        let judge = line.trim().strip_prefix("Box::new(")?;
        Some(judge.split_once("::")?.0.to_owned())
    });
    let bench: BTreeSet<_> = bench.collect();
    assert!(bench.len() > 5, "{bench:?}");
    let watching: BTreeSet<_> = bench.iter().cloned().chain(runner).collect();
    assert_eq!(listed, watching);
    let architecture = read("ARCHITECTURE.md");
    let named: BTreeSet<_> = rows(&architecture, "## Invariants")
        .iter()
        .skip(1)
        .filter_map(|row| row[2].split_once(", judge"))
        .flat_map(|(_, judges)| quoted(judges))
        .collect();
    assert_eq!(named, bench);
}

#[test]
fn the_configuration_in_docs_grid_md_is_valid() {
    let text = read("docs/grid.md");
    let (_, yaml) = text.split_once("```yaml\n").unwrap();
    let (yaml, _) = yaml.split_once("```").unwrap();
    let config = Config::from_yaml(yaml, "docs/grid.md").unwrap();
    assert_eq!((config.feeders.len(), config.substations.len()), (3, 6));
}
