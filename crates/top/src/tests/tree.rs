//! The tree of feeders and substations.

use super::*;

/// A transformer, a full feeder, and one with a limit whose meter is silent.
fn town() -> serde_json::Value {
    let mut town = json(&[80.0, 70.0, 60.0, 10.0], &healthy());
    let feeder = |name: &str, parent: Option<&str>, estimate: f64, capacity: f64| {
        json!({
            "name": name, "parent": parent, "state": "up", "load": estimate, "capacity": capacity,
            "estimate": estimate, "age_seconds": null,
        })
    };
    let mut silent = feeder("feeder8", Some("trafo2"), 60.0, 304.0);
    silent["state"] = json!("stale");
    silent["age_seconds"] = json!(45.2);
    silent["limit"] =
        json!({"value": 66.0, "source": "dso", "until": null, "fallback_in_force": true});
    town["feeders"] = json!([
        feeder("trafo2", None, 210.0, 630.0),
        feeder("feeder7", Some("trafo2"), 150.0, 152.0),
        silent
    ]);
    for (at, feeder, binding) in [
        (0, "feeder7", "feeder7"),
        (1, "feeder7", "feeder7"),
        (2, "feeder8", "feeder8"),
    ] {
        town["substations"][at]["feeder"] = json!(feeder);
        town["substations"][at]["binding"] = json!(binding);
    }
    town
}

fn view_of(snapshot: serde_json::Value) -> View {
    let mut view = View::new("127.0.0.1:9901".to_owned());
    view.extend([Update::Snapshot(Box::new(
        serde_json::from_value(snapshot).unwrap(),
    ))]);
    view
}

fn code(view: &mut View, code: KeyCode) {
    view.key(KeyEvent::new(code, KeyModifiers::NONE));
}

fn selected(view: &View) -> String {
    view.selected().unwrap().level.name().to_owned()
}

#[test]
fn each_level_has_a_line_with_its_bar_and_what_binds_is_marked() {
    let mut view = view_of(town());
    assert_eq!(
        order(&view),
        ["trafo2", "feeder7", "s1", "s2", "feeder8", "s3", "s4"]
    );
    let lines = lines(&mut view);
    line(&lines, "3 feeders and 4 substations, by configuration");
    for (start, words) in [
        ("▾ trafo2 ", &["up", "33.3 %", "210 kW", "630 kW"][..]),
        ("  ▾ feeder7 ◆ ", &["full", "98.7 %", "150 kW", "152 kW"]),
        ("      s1 ◂ ", &["up", "80.0 %", "100 kW", "1,235"]),
        ("  ▾ feeder8 ◆ ", &["silent", "90.9 %", "≤66.0 kW", "45 s"]),
        ("      s3 ", &["60.0 %"]),
        ("  s4 ", &["10.0 %"]),
    ] {
        let found = lines.iter().find(|line| line.starts_with(start));
        let found = found.unwrap_or_else(|| panic!("no {start} in\n{}", lines.join("\n")));
        for word in words {
            assert!(found.contains(word), "{word}: {found}");
        }
    }
    let keys = line(&lines, "q quit");
    for word in ["←→ fold or unfold", "f all", "◆ binds"] {
        assert!(keys.contains(word), "{word}: {keys}");
    }
    line(&lines, "trafo2: 3 substations");
}

#[test]
fn keys_fold_unfold_and_move_in_the_tree() {
    let mut view = view_of(town());
    code(&mut view, KeyCode::Down);
    code(&mut view, KeyCode::Left);
    assert_eq!(order(&view), ["trafo2", "feeder7", "feeder8", "s3", "s4"]);
    line(&lines(&mut view), "▸ feeder7");
    code(&mut view, KeyCode::Left);
    assert_eq!(selected(&view), "trafo2", "what is above");
    code(&mut view, KeyCode::Right);
    assert_eq!(selected(&view), "feeder7", "what is below");
    code(&mut view, KeyCode::Right);
    assert_eq!(order(&view).len(), 7, "unfolded");
    press(&mut view, "l");
    assert_eq!(selected(&view), "s1");
    press(&mut view, "lh");
    assert_eq!(selected(&view), "feeder7");
    code(&mut view, KeyCode::Enter);
    press(&mut view, "k ");
    assert_eq!(order(&view), ["trafo2", "s4"]);
    code(&mut view, KeyCode::Enter);
    assert_eq!(
        order(&view),
        ["trafo2", "feeder7", "feeder8", "s3", "s4"],
        "feeder7 stays folded"
    );
    press(&mut view, "f");
    assert_eq!(order(&view), ["trafo2", "s4"]);
    press(&mut view, "f");
    assert_eq!(order(&view).len(), 7);
    view.extend([Update::Snapshot(Box::new(
        serde_json::from_value(town()).unwrap(),
    ))]);
    press(&mut view, "s");
    assert_eq!(
        order(&view),
        ["s1", "s2", "s3", "s4"],
        "other orders compare substations"
    );
    assert!(!lines(&mut view).join("").contains("unfold"));
}

#[test]
fn the_selected_line_says_its_limit_and_its_meter() {
    let mut town = town();
    town["substations"][0]["limit"] = json!({
        "value": 90.0, "source": "ems", "until": "2026-11-29T18:00:00Z", "fallback_in_force": false,
    });
    let mut view = view_of(town);
    press(&mut view, "jj");
    line(
        &lines(&mut view),
        "s1: limit 90.0 kW by ems until 2026-11-29T18:00:00Z",
    );
    press(&mut view, "jj");
    line(
        &lines(&mut view),
        "feeder8: 1 substation; its meter is silent for 45 s; fallback 66.0 kW, since dso is silent",
    );
    assert_eq!(press(&mut view, "dy"), [], "only substations are drained");
    press(&mut view, "d");
    line(&lines(&mut view), "A feeder is not drained");
}

#[test]
fn a_choice_names_the_feeder_that_binds() {
    let mut town = town();
    town["decisions"][0]["candidates"][0]["binding"] = json!("feeder7");
    line(&lines(&mut view_of(town.clone())), "s2 0.2100 by feeder7");
    town["decisions"][0]["candidates"][0]["binding"] = json!("s2");
    let shown = lines(&mut view_of(town)).join("\n");
    assert!(!shown.contains("by s2"), "{shown}");
}

#[test]
fn without_feeders_nothing_of_them_is_shown() {
    let mut view = view(&[50.0, 30.0]);
    let before = lines(&mut view).join("\n");
    for word in ["fold", "feeder", "◆", "▾"] {
        assert!(!before.contains(word), "{word}: {before}");
    }
    press(&mut view, "f");
    code(&mut view, KeyCode::Left);
    code(&mut view, KeyCode::Enter);
    assert_eq!(lines(&mut view).join("\n"), before);
}

#[test]
fn a_narrow_terminal_shows_the_tree_and_no_number_in_part() {
    let mut view = view_of(town());
    for width in [30, 50, 80] {
        let shown = lines_at(&mut view, width, 30);
        for word in ["trafo2", "feeder7", "98.7 %"] {
            line(&shown, word);
        }
        let full = line(&shown, "98.7 %");
        assert!(full.contains("feeder7 ◆"), "{width}: {full}");
    }
    for width in 1..60 {
        let all = lines_at(&mut view, width, 30).join("\n");
        assert_eq!(all.matches("8.7 %").count(), all.matches("98.7 %").count());
    }
}

#[test]
fn of_a_thousand_leaves_feeders_are_shown_first_and_members_that_lead_nowhere_are_roots() {
    let mut town = json(&[50.0; 1_000], &healthy());
    town["feeders"] = json!([
        {"name": "a", "parent": null, "state": "up", "load": 1.0, "capacity": 1e5, "estimate": 1.0, "age_seconds": null},
        {"name": "b", "parent": "a", "state": "up", "load": 1.0, "capacity": 1e5, "estimate": 1.0, "age_seconds": null},
        {"name": "c", "parent": "a", "state": "up", "load": 1.0, "capacity": 1e5, "estimate": 1.0, "age_seconds": null},
    ]);
    for (at, one) in town["substations"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        one["feeder"] = json!(["b", "c"][at % 2]);
    }
    town["substations"][999]["feeder"] = json!("nowhere");
    let mut view = view_of(town.clone());
    assert_eq!(order(&view), ["a", "b", "c", "s1000"]);
    line(&lines(&mut view), "a: 999 substations");
    press(&mut view, "j ");
    assert_eq!(order(&view).len(), 4 + 500);
    // A cycle, which no real proxy has, hides its feeders and ends.
    town["feeders"][0]["parent"] = json!("b");
    assert_eq!(order(&view_of(town)), ["s1000"]);
}
