//! `switchyard init`: what it finds, what it writes, and when it writes nothing. What it writes is run.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Output, Stdio},
};

use switchyard_faults::{Act, Scripted, fault, post};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    rig::Proxy,
    scraped::{said, served},
    substations::Substations,
};

/// So that the configuration that is written can be run.
const ANY_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

fn init(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .arg("init")
        .args(["--timeout", "20s"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The arguments that name these substations.
fn named(addresses: &[SocketAddr]) -> Vec<String> {
    let mut arguments = vec!["--substation".to_owned()];
    arguments.extend(addresses.iter().map(ToString::to_string));
    arguments
}

/// Runs it for pages, and returns what it said. Nothing else is in the folder.
fn init_for(pages: &[SocketAddr], more: &[&str]) -> (TempDir, (i32, String, String)) {
    let folder = TempDir::new().unwrap();
    let named = named(pages);
    let arguments: Vec<_> = named
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    let output = init(folder.path(), &arguments);
    (folder, said(&output))
}

fn is_written(folder: &TempDir) -> bool {
    let files = fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert!(
        names.iter().all(|name| name == "switchyard.yaml"),
        "{names:?}"
    );
    !names.is_empty()
}

fn check(file: &Path) {
    assert_eq!(warnings(file), "");
}

/// What `switchyard check` warns of in a file that it accepts.
fn warnings(file: &Path) -> String {
    let checked = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["check", "--config"])
        .arg(file)
        .output()
        .unwrap();
    let (code, _, err) = said(&checked);
    assert_eq!(code, 0, "{err}");
    err
}

#[test]
fn for_real_substations_it_writes_what_the_proxy_runs_with() {
    let substations = Substations::start(&[500.0, 300.0, 200.0]);
    let folder = TempDir::new().unwrap();
    let named = named(&substations.addresses);
    let arguments: Vec<_> = named.iter().map(String::as_str).chain(ANY_PORTS).collect();
    let (code, out, err) = said(&init(folder.path(), &arguments));
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    for part in [
        "substation_current_load (of a substation) looks like your load: 3 series match, at 3 of 3 substations.",
        "substation_capacity looks like its capacity.",
        "load 0 of 500",
        "Wrote switchyard.yaml. Next:\n  switchyard check --config switchyard.yaml",
    ] {
        assert!(err.contains(part), "{part} in {err}");
    }
    let file = folder.path().join("switchyard.yaml");
    check(&file);
    let proxy = Proxy::ready_from(&fs::read_to_string(&file).unwrap());
    for _ in 0..6 {
        assert_eq!(
            proxy
                .charge(r#"{"power_kw": 11, "energy_kwh": 1000}"#)
                .status,
            200
        );
    }
    let started = substations.started();
    assert_eq!(started.iter().sum::<u64>(), 6);

    // A second time there is a file, which stays as it is.
    let before = fs::read(&file).unwrap();
    let (code, _, err) = said(&init(folder.path(), &arguments));
    assert_eq!(code, 1);
    assert!(
        err.contains("switchyard.yaml exists, and is not written over"),
        "{err}"
    );
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn for_inference_servers_it_adds_what_runs_and_what_waits_and_routes_openais_paths() {
    let runtime = Runtime::new().unwrap();
    let addresses: Vec<_> = (0..2)
        .map(|_| {
            let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
            let listener = listener.unwrap();
            let address = listener.local_addr().unwrap();
            let engine =
                switchyard_inference_mock::Engine::new(switchyard_inference_mock::Settings {
                    token_time: std::time::Duration::ZERO,
                    prefill: std::time::Duration::ZERO,
                    ..switchyard_inference_mock::Settings::default()
                });
            runtime.spawn(switchyard_inference_mock::run(engine, listener));
            address
        })
        .collect();
    let folder = TempDir::new().unwrap();
    let named = named(&addresses);
    let more = [&ANY_PORTS[..], &["--capacity", "24", "--output", "-"]].concat();
    let arguments: Vec<_> = named.iter().map(String::as_str).chain(more).collect();
    let (code, yaml, err) = said(&init(folder.path(), &arguments));
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("vllm:num_requests_running + vllm:num_requests_waiting (of vLLM) looks like your load: 4 series match"),
        "{err}"
    );
    assert!(!is_written(&folder));
    let proxy = Proxy::ready_from(&yaml);
    let body = r#"{"model": "mock-8b", "prompt": "x", "max_tokens": 3}"#;
    let answer = post(proxy.charge, "/v1/completions", body);
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{body}");
}

#[test]
fn a_gauge_that_is_named_is_taken_if_a_page_shows_it_as_a_load() {
    let page = served(
        "a_gauge{n=\"1\"} 2\na_gauge{n=\"2\"} 3\nb_gauge -1\nc_gauge NaN\nother_in_flight 1\n",
    );
    let (folder, (code, _, err)) = init_for(&[page.address], &["--metric", "a_gauge"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("Several series match a_gauge, so they are added"),
        "{err}"
    );
    assert!(err.contains("load 5"), "{err}");
    let yaml = fs::read_to_string(folder.path().join("switchyard.yaml")).unwrap();
    assert!(
        yaml.contains("metric: a_gauge") && yaml.contains("aggregate: sum"),
        "{yaml}"
    );
    check(&folder.path().join("switchyard.yaml"));
    for (metric, why) in [
        ("b_gauge", "b_gauge is -1, which is no load"),
        ("c_gauge", "c_gauge is NaN, which is no load"),
        (
            "a_gaug",
            "no series matches a_gaug: correct its name; similar: a_gauge",
        ),
        ("a_gauge{n=\"3\"}", "no series matches a_gauge"),
    ] {
        let (folder, (code, _, err)) = init_for(&[page.address], &["--metric", metric]);
        assert_eq!(code, 1, "{err}");
        assert!(
            err.contains("nothing was written") && err.contains(why),
            "{why} in {err}"
        );
        assert!(!is_written(&folder));
    }
}

#[test]
fn one_likely_gauge_is_taken_and_of_several_none_is_guessed() {
    let one =
        served("# TYPE jobs_in_flight gauge\njobs_in_flight 4\ntemperature 20\njobs_total 9\n");
    let (folder, (code, _, err)) = init_for(&[one.address], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains(
            "jobs_in_flight looks like your load: 1 series matches, at 1 of 1 substations."
        ),
        "{err}"
    );
    assert!(err.contains("No gauge looks like its capacity."), "{err}");
    let yaml = fs::read_to_string(folder.path().join("switchyard.yaml")).unwrap();
    assert!(yaml.contains("{path: /, load: 1, lasts: answer}"), "{yaml}");
    // All paths are a proposal, and the file says so too.
    let warned = warnings(&folder.path().join("switchyard.yaml"));
    assert!(
        warned.contains("routes[].path: /") && warned.lines().count() == 1,
        "{warned}"
    );

    let several = served("jobs_in_flight 4\nworker_sessions 2\n");
    let (folder, (code, _, err)) = init_for(&[several.address], &[]);
    assert_eq!(code, 1);
    assert!(
        err.contains("several gauges look like the load, so nothing was written: say by --metric NAME which it is: jobs_in_flight, worker_sessions"),
        "{err}"
    );
    assert!(!is_written(&folder));
    let none = served("temperature 20\n");
    let (folder, (code, _, err)) = init_for(&[none.address], &[]);
    assert_eq!(code, 1);
    assert!(
        err.contains("no gauge looks like a load") && err.contains("temperature"),
        "{err}"
    );
    assert!(!is_written(&folder));
}

#[test]
fn substations_that_show_nothing_are_named_each_with_its_reason() {
    let good = served("substation_current_load 1\nsubstation_capacity 9\n");
    let html = served("<!doctype html>\n<p>Hello</p>\n");
    let missing = Scripted::start(|_| Act::Write(fault::answer("404 Not Found", "{}")));
    let negative = served("substation_current_load -1\n");
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let [good, html, missing, negative] =
        [&good, &html, &missing, &negative].map(|one| one.address);
    let (folder, (code, _, err)) = init_for(&[good, html, missing, gone], &[]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "the page is HTML and no metrics",
        "status 404 instead of 200: correct load.path",
        "cannot connect",
        "at 1 of 4 substations",
        "Note: 3 of 4 give no sample now.",
    ] {
        assert!(err.contains(part), "{part} in {err}");
    }
    check(&folder.path().join("switchyard.yaml"));
    for pages in [&[html, missing, gone][..], &[negative]] {
        let (folder, (code, _, err)) = init_for(pages, &[]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("nothing was written"), "{err}");
        assert!(!is_written(&folder));
    }
    let (folder, (code, _, err)) = init_for(&[gone], &["--offline"]);
    assert_eq!(code, 0, "{err}");
    check(&folder.path().join("switchyard.yaml"));
}

#[test]
fn substations_are_found_by_a_file_of_targets() {
    let page = served("substation_current_load 1\nsubstation_capacity 9\n");
    let folder = TempDir::new().unwrap();
    let targets = format!("[{{\"targets\": [\"{}\"]}}]", page.address);
    fs::write(folder.path().join("targets.json"), targets).unwrap();
    let output = init(folder.path(), &["--discover", "file:targets.json"]);
    let (code, _, err) = said(&output);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("1 series matches, at 1 of 1 substations"),
        "{err}"
    );
    check(&folder.path().join("switchyard.yaml"));

    let empty = TempDir::new().unwrap();
    let output = init(empty.path(), &["--discover", "file:none.json"]);
    let (code, _, err) = said(&output);
    assert_eq!(code, 1);
    assert!(
        err.contains("no substation was found, so nothing was written"),
        "{err}"
    );
    assert!(!is_written(&empty));
}

#[test]
fn without_answers_and_without_a_terminal_it_says_which_options_to_give() {
    let folder = TempDir::new().unwrap();
    let (code, out, err) = said(&init(folder.path(), &[]));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("--substation ADDRESS or --discover SOURCE"),
        "{err}"
    );
    for wrong in [
        &["--substation", "http://127.0.0.1:1/metrics"][..],
        &["--substation", "127.0.0.1"],
        &["--substation"],
        &["--discover", "consul:x"],
        &["--discover", "dns:x"],
        &["--metric", "a{", "--substation", "127.0.0.1:1"],
        &["--capacity", "-5", "--substation", "127.0.0.1:1"],
        &["--capacity", "5", "--discover", "dns:x:1"],
        &[
            "--capacity",
            "5",
            "--capacity-metric",
            "a",
            "--substation",
            "127.0.0.1:1",
        ],
        &["--lasts", "forever", "--substation", "127.0.0.1:1"],
        &["--listen", "x", "--substation", "127.0.0.1:1"],
    ] {
        let (code, _, err) = said(&init(folder.path(), wrong));
        assert_eq!(code, 2, "{wrong:?}: {err}");
    }
    assert!(!is_written(&folder));
}

#[test]
fn where_nothing_can_be_written_it_asks_and_looks_at_nothing() {
    let page = served("substation_current_load 1\n");
    for (output, why) in [
        ("none/s.yaml", "there is no folder none: make it"),
        ("/", "exists"),
        (".", "exists"),
    ] {
        let (folder, (code, _, err)) = init_for(&[page.address], &["--output", output]);
        assert_eq!(code, 1, "{output}: {err}");
        assert!(err.contains(why), "{output}: {err}");
        assert!(!is_written(&folder));
    }
    assert_eq!(page.requests("GET").len(), 0);
}

#[test]
fn a_slow_page_gets_the_time_that_it_takes() {
    let page = fault::page("substation_current_load 1\n");
    let slow =
        Scripted::start(move |_| Act::Drip(page.clone(), std::time::Duration::from_millis(3)));
    let (folder, (code, _, err)) = init_for(&[slow.address], &[]);
    assert_eq!(code, 0, "{err}");
    let file = folder.path().join("switchyard.yaml");
    let yaml = fs::read_to_string(&file).unwrap();
    assert!(yaml.contains("the slowest page takes long"), "{yaml}");
    check(&file);
}

/// Runs it at a terminal, and types `answers`.
#[cfg(target_os = "linux")]
fn at_a_terminal(folder: &Path, more: &str, answers: &str) -> (i32, String) {
    use std::io::Write as _;
    let line = format!(
        "'{}' init --timeout 20s {} {more}",
        env!("CARGO_BIN_EXE_switchyard"),
        ANY_PORTS.join(" ")
    );
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_it_asks_where_which_and_how_much() {
    let page = served("jobs_in_flight 4\nworker_sessions 2\n");
    let folder = TempDir::new().unwrap();
    let answers = format!("{}\n2\n16\n", page.address);
    let (code, shown) = at_a_terminal(folder.path(), "", &answers);
    assert_eq!(code, 0, "{shown}");
    for part in [
        "Where are the substations?",
        "Several gauges look like the load. Which one is it?",
        "worker_sessions looks like your load",
        "load 2 of 16",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let file = folder.path().join("switchyard.yaml");
    let yaml = fs::read_to_string(&file).unwrap();
    assert!(
        yaml.contains("metric: worker_sessions") && yaml.contains("capacity: 16"),
        "{yaml}"
    );
    check(&file);
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_closes_before_the_last_answer_writes_nothing() {
    let page = served("jobs_in_flight 4\nworker_sessions 2\n");
    for answers in ["\u{4}".to_owned(), format!("{}\n\u{4}", page.address)] {
        let folder = TempDir::new().unwrap();
        let (code, shown) = at_a_terminal(folder.path(), "", &answers);
        assert_eq!(code, 1, "{shown}");
        assert!(
            shown.contains("the input ended before all was answered, so nothing was written"),
            "{shown}"
        );
        assert!(!is_written(&folder));
    }
}

#[test]
fn ten_thousand_series_are_no_trouble() {
    let gauges: Vec<_> = (0..10_000)
        .map(|at| format!("some_gauge_{at} {at}\n"))
        .collect();
    let text = gauges.concat() + "jobs_in_flight 4\n";
    let page = served(&text);
    let (folder, (code, _, err)) = init_for(&[page.address], &[]);
    assert_eq!(code, 0, "{err}");
    assert!(is_written(&folder));
    assert!(err.contains("jobs_in_flight looks like your load"), "{err}");
}
