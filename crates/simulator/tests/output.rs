//! The same seed gives the same bytes, and tables and pictures are complete.

use std::path::Path;
use std::time::Duration;

use switchyard_balance::Policy;
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, Simulation, Trial, catalogue, plot, table};

fn trials(seed: u64) -> Vec<Trial> {
    let short = |scenario: Scenario| Scenario {
        warm_up: Duration::from_secs(3),
        measured: Duration::from_secs(3),
        ..scenario
    };
    ["unequal_shares", "nearly_full"]
        .into_iter()
        .filter_map(catalogue::named)
        .map(|scenario| Trial::run(&short(scenario), seed, 2))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let (one, again, other) = (trials(5), trials(5), trials(6));
    assert_eq!(table::markdown(&one), table::markdown(&again));
    assert_eq!(plot::svg(&one), plot::svg(&again));
    assert_ne!(table::markdown(&one), table::markdown(&other));
}

#[test]
fn every_contender_gets_the_same_cars() {
    let scenario = Scenario {
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(3),
        ..catalogue::one_proxy()
    };
    let requests = |contender| Simulation::new(&scenario, contender, 3).run().requests;
    for contender in Contender::ALL {
        assert_eq!(requests(contender), requests(Contender::Oracle));
    }
}

#[test]
fn every_line_of_a_table_has_every_column() {
    let page = table::markdown(&trials(1));
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert!(lines.len() >= 8);
    for line in lines {
        let columns = line.matches('|').count() - 1;
        assert_eq!(columns, 1 + Contender::ALL.len(), "{line}");
    }
}

#[test]
fn the_picture_names_every_scenario_and_contender() {
    let trials = trials(1);
    assert_eq!(trials.len(), 2);
    let svg = plot::svg(&trials);
    for trial in &trials {
        assert!(svg.contains(trial.scenario.about));
    }
    for contender in Contender::ALL {
        let name = format!(">{}</text>", contender.name());
        assert_eq!(svg.matches(&name).count(), trials.len(), "{name}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn names_of_scenarios_are_unique_and_found() {
    let all = catalogue::all();
    for scenario in &all {
        let namesakes = all.iter().filter(|other| other.name == scenario.name);
        assert_eq!(namesakes.count(), 1, "{}", scenario.name);
        assert_eq!(
            catalogue::named(scenario.name).map(|s| s.about),
            Some(scenario.about)
        );
    }
}

#[test]
fn the_documents_show_the_results_of_a_run() {
    let page = |name: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(name);
        std::fs::read_to_string(file).unwrap()
    };
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim().trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    // One of the quick scenarios; the others come from the same run.
    let scenario = catalogue::one_proxy();
    let table = table::markdown(&[Trial::run(&scenario, 1, 3)]);
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    let document = page("docs/balancing.md");
    assert_eq!(rows.len(), 6);
    for row in &rows {
        assert!(
            document.contains(row),
            "docs/balancing.md has no line\n{row}"
        );
    }
    let (names, run) = (cells(rows[0]), cells(rows[2]));
    // The README says them in a sentence, each as `1.015 (name)`.
    let readme = page("README.md");
    for name in [
        "oracle",
        "`least_load`",
        "`power_of_two`",
        "raw gauge",
        "gauge + in flight",
        "Prequal, as rare as polls",
        "Prequal, 3 probes a request",
    ] {
        let at = names.iter().position(|column| column == name).unwrap();
        let shown = format!("{} ({name})", run[at]);
        assert!(readme.contains(&shown), "README.md has no {shown}");
    }
    let scenario = catalogue::named("inference_of_four").unwrap();
    let least_load = Contender::Ledger(Policy::LeastLoad);
    for (contender, name) in [
        (least_load, "`least_load`"),
        (Contender::LeastConnections, "least connections, as HAProxy"),
        (Contender::LeastRequest, "least request of two, as Envoy"),
        (Contender::Ledger(Policy::RoundRobin), "`round_robin`"),
    ] {
        let average = over_seeds(&scenario, contender, 1, 3).average;
        let shown = format!("{average:.3} ({name})");
        assert!(readme.contains(&shown), "README.md has no {shown}");
    }
}
