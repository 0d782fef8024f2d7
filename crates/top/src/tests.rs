//! The screen without a terminal: snapshots and keys in, lines of text out.

mod tree;

use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use serde_json::json;

use super::{
    client::Order,
    client::Update,
    screen,
    view::{Command, View},
};
use switchyard_status::StatusSnapshot;

/// A snapshot of substations of 100 kW with these estimates, of which the last 2 kW are unseen.
fn snapshot(loads: &[f64], verdict: &serde_json::Value) -> StatusSnapshot {
    serde_json::from_value(json(loads, verdict)).unwrap()
}

fn json(loads: &[f64], verdict: &serde_json::Value) -> serde_json::Value {
    let substations: Vec<_> = (1..)
        .zip(loads)
        .map(|(at, load)| {
            json!({
                "name": format!("s{at}"), "address": "127.0.0.1:5001", "state": "up", "in_rotation": true,
                "load": load - 2.0, "capacity": 100.0, "estimate": load, "unseen": 2.0, "age_seconds": 0.3,
                "in_flight": 1, "assigned": 1_234 + at,
            })
        })
        .collect();
    let candidate = json!({
        "substation": "s2", "sample": 10.0, "sample_age_seconds": 0.1, "unseen_load": 0.0, "estimated_load": 10.0,
        "capacity": 100.0, "score": 0.21,
    });
    json!({
        "unix_seconds": 1e9,
        "verdict": verdict,
        "traffic": {
            "per_second": 115.2, "success": 0.9999, "p50_seconds": 0.0014, "p99_seconds": 0.011,
            "refused_per_second": 0.0, "failed_per_second": 0.0, "errors": [], "total": 9, "in_flight": 0,
            "waiting": 0, "connections": 4,
        },
        "balance": {
            "imbalance": 1.25, "mean_utilisation": 0.4, "load": 80.0, "capacity": 200.0,
            "fullest": {"name": "s1", "utilisation": 0.5, "estimate": 50.0},
            "oldest_sample": {"name": "s1", "age_seconds": 0.3},
        },
        "substations": substations,
        "decisions": [{
            "unix_seconds": 1e9, "load": 11.0, "substation": "s2", "reason": "least_load", "margin": null,
            "share": 1.0, "candidates": [candidate],
        }],
        "configuration": {
            "version": 1, "since_unix_seconds": 1e9, "policy": "least_load", "unit": "kW", "interval_seconds": 0.5,
            "stale_after_seconds": 2.0, "last_reload": null, "program": "0.1.0",
        },
    })
}

fn healthy() -> serde_json::Value {
    json!({"level": "well", "sentence": "Healthy: no problems found.", "findings": []})
}

fn view(loads: &[f64]) -> View {
    let mut view = View::new("127.0.0.1:9901".to_owned());
    view.extend([Update::Snapshot(Box::new(snapshot(loads, &healthy())))]);
    view
}

fn press(view: &mut View, keys: &str) -> Vec<Command> {
    keys.chars()
        .filter_map(|key| view.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)))
        .collect()
}

fn lines(view: &mut View) -> Vec<String> {
    lines_at(view, 124, 24)
}

fn lines_at(view: &mut View, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, view)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    rows.map(|row| {
        row.iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
            .trim_end()
            .to_owned()
    })
    .collect()
}

/// The names in the order of the table.
fn order(view: &View) -> Vec<String> {
    let rows = view.rows();
    rows.iter().map(|one| one.level.name().to_owned()).collect()
}

fn line(lines: &[String], word: &str) -> String {
    let found = lines.iter().find(|line| line.contains(word));
    found
        .unwrap_or_else(|| panic!("no {word} in\n{}", lines.join("\n")))
        .clone()
}

#[test]
fn the_first_lines_show_the_health_and_the_fullest_substation() {
    let lines = lines(&mut view(&[50.0, 30.0]));
    assert_eq!(lines[0], "✓ Healthy: no problems found.");
    assert_eq!(lines[1], "  Fullest: s1, 50.0 %. Total 80.0 kW of 200 kW.");
    let numbers = line(&lines, "115/s");
    for shown in ["99.99 %", "1.40 ms", "11.0 ms", "0/s", "0.3 s", "1.250"] {
        assert!(numbers.contains(shown), "{shown}: {numbers}");
    }
    let first = line(&lines, "s1 ◂");
    for shown in [
        "up",
        "50.0 %",
        "████████████",
        "50.0 kW",
        "100 kW",
        "2.00 kW",
        "1,235",
    ] {
        assert!(first.contains(shown), "{shown}: {first}");
    }
    assert!(first.contains("···│"), "room up to the capacity: {first}");
    assert!(line(&lines, "11.0 kW → s2").contains("least_load  s2 0.2100"));
}

#[test]
fn each_finding_has_a_line() {
    let finding = |level: &str, text: &str| json!({"level": level, "text": text});
    let verdict = json!({
        "level": "trouble",
        "sentence": "s1 is unreachable. And 1 more.",
        "findings": [finding("trouble", "s1 is unreachable."), finding("notice", "s2 is draining.")],
    });
    let mut view = view(&[1.0]);
    view.extend([Update::Snapshot(Box::new(snapshot(
        &[50.0, 30.0],
        &verdict,
    )))]);
    let lines = lines(&mut view);
    assert_eq!(lines[0], "✗ s1 is unreachable. And 1 more.");
    assert_eq!(lines[1], "  ! s2 is draining.");
}

#[test]
fn one_key_sorts_and_another_reverses() {
    let mut view = view(&[20.0, 60.0, 40.0]);
    assert_eq!(order(&view), ["s1", "s2", "s3"]);
    press(&mut view, "sss");
    assert!(line(&lines(&mut view), "substations, by used").contains('3'));
    assert_eq!(order(&view), ["s2", "s3", "s1"]);
    press(&mut view, "r");
    assert_eq!(order(&view), ["s1", "s3", "s2"]);
}

#[test]
fn a_dead_substation_is_first() {
    let mut json = json(&[20.0, 60.0, 40.0], &healthy());
    json["substations"][2]["state"] = json!("down");
    json["substations"][2]["in_rotation"] = json!(false);
    let mut view = View::new("127.0.0.1:9901".to_owned());
    view.extend([Update::Snapshot(Box::new(
        serde_json::from_value(json).unwrap(),
    ))]);
    assert_eq!(order(&view), ["s3", "s1", "s2"]);
    let first = |lines: &[String], name: &str| lines.iter().position(|line| line.starts_with(name));
    let shown = lines(&mut view);
    assert!(first(&shown, "s3") < first(&shown, "s1"), "{shown:#?}");
    line(&shown, "In rotation 80.0 kW of 200 kW.");
    press(&mut view, "ss");
    assert_eq!(order(&view), ["s3", "s1", "s2"], "by state");
}

#[test]
fn the_course_of_the_imbalance_begins_with_what_the_proxy_kept() {
    let bars = |lines: &[String]| {
        lines
            .join("")
            .matches(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'])
            .count()
    };
    let mut with_past = View::new("127.0.0.1:9901".to_owned());
    with_past.extend([
        Update::Past(vec![1.2; 1_000]),
        Update::Snapshot(Box::new(snapshot(&[0.0], &healthy()))),
        Update::Past(vec![9.0; 5]),
    ]);
    assert_eq!(with_past.imbalances.len(), 300);
    let without = bars(&lines(&mut view(&[0.0])));
    assert!(bars(&lines(&mut with_past)) > without + 20);
}

#[test]
fn a_drain_is_confirmed_first() {
    let mut view = view(&[20.0, 60.0]);
    assert_eq!(press(&mut view, "jd"), []);
    assert!(line(&lines(&mut view), "Drain s2?").contains("no new sessions"));
    assert_eq!(press(&mut view, "n"), [], "any other key cancels");
    let asked = Command::Drain(Order {
        name: "s2".to_owned(),
        is_draining: true,
        is_local: false,
    });
    assert_eq!(press(&mut view, "dy"), [asked]);
    view.report(Err("there is no substation".to_owned()));
    assert!(line(&lines(&mut view), "Failed").contains("there is no substation"));
    assert_eq!(press(&mut view, "q"), [Command::Quit]);
}

#[test]
fn a_drain_says_why_where_it_is_selected_and_is_ended_where_it_was_ordered() {
    let mut json = json(&[20.0, 60.0], &healthy());
    let one = &mut json["substations"][1];
    one["state"] = "draining".into();
    one["note"] = "new roof (drained by operator at 10.0.0.7, at this proxy)".into();
    one["drain"] = serde_json::json!({
        "by": "operator at 10.0.0.7", "at": 7, "reason": "new roof", "local": true,
    });
    json["fleet"] = serde_json::json!({"store": "up"});
    let mut view = View::new("127.0.0.1:9901".to_owned());
    view.extend([Update::Snapshot(serde_json::from_value(json).unwrap())]);
    let shown = lines(&mut view).join("\n");
    assert!(!shown.contains("new roof"), "{shown}");
    assert!(shown.contains("store") && shown.contains("up"), "{shown}");
    assert_eq!(press(&mut view, "jd"), []);
    let shown = lines(&mut view);
    line(
        &shown,
        "s2: new roof (drained by operator at 10.0.0.7, at this proxy)",
    );
    line(&shown, "Undrain s2?");
    let asked = Command::Drain(Order {
        name: "s2".to_owned(),
        is_draining: false,
        is_local: true,
    });
    assert_eq!(press(&mut view, "y"), [asked]);
    assert_eq!(press(&mut view, "kd"), []);
    line(&lines(&mut view), "on all proxies of the fleet");
}

#[test]
fn a_lost_connection_is_shown_and_the_last_snapshot_stays() {
    let mut view = view(&[20.0]);
    view.extend([Update::Lost("connection refused".to_owned())]);
    let lines = lines(&mut view);
    assert!(
        line(
            &lines,
            "Not connected to 127.0.0.1:9901: connection refused"
        )
        .contains("old data")
    );
    line(&lines, "s1");
    let mut nothing = View::new("127.0.0.1:9901".to_owned());
    assert_eq!(self::lines(&mut nothing)[0], "127.0.0.1:9901: connecting …");
}

/// Three substations of 2,000 kW with long names and large numbers.
fn large() -> View {
    let mut json = json(&[1_802.4, 1_500.0, 1_200.0], &healthy());
    for (at, one) in json["substations"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        one["name"] = json!(format!("substation-{at}.grid.example:5001"));
        one["capacity"] = json!(2_000.0);
        one["assigned"] = json!(1_234_567);
        one["in_flight"] = json!(12_345);
        one["age_seconds"] = json!(0.3);
    }
    json["balance"]["load"] = json!(4_502.4);
    json["balance"]["capacity"] = json!(6_000.0);
    json["balance"]["fullest"]["name"] = json!("substation-0.grid.example:5001");
    json["traffic"]["per_second"] = json!(123_456.0);
    let mut view = View::new("127.0.0.1:9901".to_owned());
    view.extend([Update::Snapshot(Box::new(
        serde_json::from_value(json).unwrap(),
    ))]);
    view
}

#[test]
fn a_narrow_terminal_leaves_out_columns_and_never_digits() {
    let mut view = large();
    for (width, height, shown) in [
        (
            124,
            24,
            &[
                "90.1 %",
                "1,802 kW",
                "2,000 kW",
                "2.00 kW",
                "0.3 s",
                "12,345",
                "1,234,567",
                "███",
            ][..],
        ),
        (
            80,
            24,
            &["90.1 %", "1,802 kW", "2,000 kW", "███", "0.3 s", "up"],
        ),
        (50, 24, &["90.1 %", "1,802 kW", "2,000 kW"]),
        (30, 24, &["90.1 %"]),
    ] {
        let lines = lines_at(&mut view, width, height);
        let row = line(&lines, "◂");
        for shown in shown {
            assert!(row.contains(shown), "{width}: {shown}: {row}");
        }
        assert!(row.contains("n-0"), "the name stays different: {row}");
        let all = lines.join("\n");
        for shown in [
            "123,456/s",
            "99.99 %",
            "1.40 ms",
            "11.0 ms",
            "0/s",
            "1.250",
            "Total 4,502 kW of 6,000 kW.",
        ] {
            let shown_in_lines = all
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(shown);
            assert!(shown_in_lines, "{width}: {shown}:\n{all}");
        }
    }
    // A number that is shown anywhere is shown whole.
    for width in 12..140 {
        let all = lines_at(&mut view, width, 40).join("\n");
        for (part, whole) in [
            ("802", "1,802"),
            ("234,5", "1,234,567"),
            ("2,34", "12,345"),
            ("23,4", "123,456/s"),
            ("210", "0.2100"),
        ] {
            assert_eq!(
                all.matches(part).count(),
                all.matches(whole).count(),
                "{width}: {whole}:\n{all}"
            );
        }
    }
}

#[test]
fn sentences_and_the_advice_about_a_token_are_whole_in_a_narrow_terminal() {
    let advice = "this port requires a token: send `Authorization: Bearer` with the token in admin.token_file; name its file: `switchyard top --token-file FILE`";
    let words = |lines: &[String]| {
        let text = lines.join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let sentence = "substation-1 and substation-2 are unreachable and not one of them is in rotation. And 3 more.";
    let finding = json!({"level": "notice", "text": "substation-3, substation-4 and 12 more are draining: no new sessions."});
    let verdict = json!({"level": "trouble", "sentence": sentence, "findings": [finding, finding]});
    for width in [50, 80] {
        let mut nothing = View::new("127.0.0.1:9901".to_owned());
        nothing.extend([Update::Lost(advice.to_owned())]);
        let shown = words(&lines_at(&mut nothing, width, 24));
        assert!(shown.contains(advice), "{width}: {shown}");

        let mut view = view(&[50.0, 30.0]);
        view.extend([Update::Snapshot(Box::new(snapshot(
            &[50.0, 30.0],
            &verdict,
        )))]);
        let shown = words(&lines_at(&mut view, width, 24));
        for said in [
            sentence,
            finding["text"].as_str().unwrap(),
            "d drain or undrain",
            "s next sort key",
        ] {
            assert!(shown.contains(said), "{width}: {said}: {shown}");
        }
        view.extend([Update::Lost(advice.to_owned())]);
        let shown = words(&lines_at(&mut view, width, 24));
        assert!(
            shown.contains(advice) && shown.contains("old data"),
            "{width}: {shown}"
        );
        view.report(Err(advice.to_owned()));
        view.extend([Update::Snapshot(Box::new(snapshot(
            &[50.0, 30.0],
            &healthy(),
        )))]);
        let shown = words(&lines_at(&mut view, width, 24));
        assert!(shown.contains(advice), "{width}: {shown}");
        press(&mut view, "d");
        let asked = words(&lines_at(&mut view, width, 24));
        for said in ["Drain s1?", "current", "any other key: no"] {
            assert!(asked.contains(said), "{width}: {said}: {asked}");
        }
    }
}

#[test]
#[ignore = "shows the screen to a person: --no-capture --run-ignored all"]
fn shows_itself() {
    for (width, height) in [(130, 30), (80, 24), (50, 24), (30, 24)] {
        println!(
            "{width} × {height}\n{}",
            lines_at(&mut large(), width, height).join("\n")
        );
    }
}

#[test]
fn any_size_of_terminal_works() {
    let mut view = view(&[20.0; 50]);
    press(&mut view, "d");
    for (width, height) in [(1, 1), (20, 5), (40, 10), (300, 100)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| screen::draw(frame, &mut view))
            .unwrap();
    }
}
