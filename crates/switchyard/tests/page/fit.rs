//! What fits where: tables, cards, bars and cells of grids of any size, in windows of any width.
//!
//! The grids are made up, so that names are long, numbers large and notes many; the page and its port are real.

use std::{env, fs};

use serde_json::{Value, json};
use switchyard_faults::Scripted;

use crate::{
    browser::Browser,
    hostile::{pretend, snapshot},
    rig::Proxy,
    substations::Substations,
};

/// A made-up grid: the third of each dozen is dead, the fifth drained, the seventh stale, and each has a note.
fn grid(count: usize, name: impl Fn(usize) -> String) -> Value {
    let one = |at: usize| {
        let (state, in_rotation, note) = match at % 12 {
            2 => (
                "down",
                false,
                Some("back with the first scrape that reaches it"),
            ),
            4 => ("draining", false, None),
            6 => ("stale", true, Some("refuses loads of 1234.5 or more")),
            8 => ("up", true, Some("slow start: 10 % of its share")),
            _ => ("up", true, None),
        };
        let estimate = 1_000.0 + f64::from(u32::try_from(800 * at / count).unwrap());
        json!({
            "name": name(at), "address": format!("192.168.{}.{}:15001", at / 250, at % 250), "state": state,
            "in_rotation": in_rotation, "load": estimate - 100.0, "capacity": 2_000.0, "estimate": estimate,
            "unseen": 100.0, "age_seconds": 0.3, "in_flight": 1_234, "assigned": 1_234_567, "note": note,
        })
    };
    (0..count).map(one).collect()
}

/// A port that shows `substations`, and the real proxy behind it.
fn page(substations: Value) -> (Substations, Proxy, Scripted) {
    let real = Substations::start(&[100.0]);
    let proxy = Proxy::start(&real.addresses, "load: {interval: 20ms}");
    let mut shown = snapshot(&proxy);
    let fullest = substations
        .as_array()
        .unwrap()
        .iter()
        .rfind(|one| one["in_rotation"] == true);
    let name = &fullest.unwrap()["name"];
    shown["balance"]["fullest"] = json!({"name": name, "utilisation": 0.9, "estimate": 1_800.0});
    shown["balance"]["capacity"] = json!(40_000.0);
    shown["substations"] = substations;
    let port = pretend(&proxy, shown);
    (real, proxy, port)
}

fn short(at: usize) -> String {
    format!("s{at}")
}

fn long(at: usize) -> String {
    format!("substation-{at}.north.grid.example:15001")
}

const INSIDE: &str = r"
  const box = document.querySelector('#grid .scroll');
  const right = box.getBoundingClientRect().right;
  const beyond = [...box.querySelectorAll('th, td, button, .note, .tag')].filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > right + 0.5);
  const cut = [...box.querySelectorAll('tbody :is(th, td)')].filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1);
  return [box.scrollWidth <= box.clientWidth, beyond.length, cut.map((cell) => cell.textContent), document.documentElement.scrollWidth];";

#[test]
fn the_table_and_its_buttons_lie_within_their_card_also_with_notes() {
    for name in [short as fn(usize) -> String, long] {
        let (_substations, _proxy, port) = page(grid(25, name));
        let Some(browser) = Browser::open(port.address) else {
            return;
        };
        for width in [
            320, 400, 560, 640, 641, 700, 800, 900, 1000, 1080, 1081, 1100, 1200, 1300, 1301, 1600,
        ] {
            browser.size(width, 800);
            let found = browser.run(INSIDE);
            assert_eq!(
                found,
                json!([true, 0, [], width]),
                "at {width}, {}",
                name(0)
            );
        }
        browser.size(1100, 800);
        assert_eq!(
            browser.run("return document.querySelector('#table thead').checkVisibility()"),
            true,
            "where there is room it is a table"
        );
    }
}

#[test]
fn on_a_phone_cards_are_small_and_the_first_ten_are_shown() {
    let (_substations, _proxy, port) = page(grid(25, short));
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    browser.size(400, 800);
    let rows = "return document.querySelectorAll('#rows tr').length";
    browser.until(
        "ten cards",
        "return document.querySelectorAll('#rows tr').length === 10",
    );
    let height = || {
        let height =
            browser.run("return document.getElementById('table').getBoundingClientRect().height");
        height.as_f64().unwrap()
    };
    assert!(height() < 1_700.0, "{}", height());
    assert_eq!(browser.text("#more"), "Show all 25");
    browser.click("#more");
    assert_eq!(browser.run(rows), 25);
    assert!(height() < 4_000.0, "{}", height());
    let card = browser.text("#rows tr");
    for word in [
        "s2",
        "down",
        "192.168.0.2:15001",
        "2,000 kW",
        "1,234,567",
        "0.3 s",
        "Drain",
    ] {
        assert!(card.contains(word), "{word}: {card}");
    }
}

#[test]
fn thirty_substations_have_bars_with_names() {
    for (count, name) in [
        (25, short as fn(usize) -> String),
        (30, short),
        (30, long),
        (60, short),
    ] {
        let (_substations, _proxy, port) = page(grid(count, name));
        let Some(browser) = Browser::open(port.address) else {
            return;
        };
        for width in [400, 700, 1300] {
            browser.size(width, 800);
            let shown = browser.run(
                "const labels = [...document.querySelectorAll('#bars .name')].filter((label) => label.checkVisibility()); return [labels.length, labels.filter((label) => label.scrollWidth > label.clientWidth).map((label) => label.textContent), document.documentElement.scrollWidth]",
            );
            assert_eq!(shown, json!([count, [], width]), "{count} at {width}");
        }
        let height =
            browser.run("return document.getElementById('bars').getBoundingClientRect().height");
        if name(0) == short(0) {
            assert!(height.as_f64().unwrap() < 700.0, "{count}: {height}");
        }
        assert_eq!(
            browser.run("return document.getElementById('strip').checkVisibility()"),
            false
        );
        let bar = browser.text("#bars li");
        assert!(bar.contains(&name(0)) && bar.contains("50.0 %"), "{bar}");
    }
}

#[test]
fn among_a_thousand_a_dead_one_is_seen_and_the_legend_says_what_is_drawn() {
    let mut all = grid(1_000, short);
    for (at, one) in all.as_array_mut().unwrap().iter_mut().enumerate() {
        if at % 12 == 2 && at != 350 {
            one["state"] = json!("up");
            one["in_rotation"] = json!(true);
        }
    }
    all[350]["estimate"] = json!(0.0);
    let (_substations, _proxy, port) = page(all);
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    // Its cell is filled with the colour of trouble, though it bears nothing.
    let cells = browser.run(
        "const cells = [...document.querySelectorAll('#strip i')]; return [cells.findIndex((cell) => cell.dataset.tone === 'dead'), cells.filter((cell) => cell.dataset.tone === 'dead').length]",
    );
    assert_eq!(cells, json!([350, 1]));
    let colors = browser.run(
        "const probe = document.createElement('i'); probe.style.color = 'var(--trouble)'; document.body.append(probe); const trouble = getComputedStyle(probe).color; probe.remove(); return [getComputedStyle(document.querySelectorAll('#strip i')[350]).backgroundColor, trouble]",
    );
    assert_eq!(colors[0], colors[1]);
    // In the table it is the first.
    assert_eq!(
        browser.run("return document.querySelector('#rows tr').dataset.name"),
        "s350"
    );
    // Each kind of cell has its entry in the legend, drawn as the cell is.
    let legend = browser.text("#legend");
    for said in [
        "filled by its utilisation; the fullest has a frame",
        "unreachable, or ejected for failing",
        "out of rotation",
        "in rotation without a fresh sample",
    ] {
        assert!(legend.contains(said), "{said}: {legend}");
    }
    assert!(!legend.contains("98 %"), "none is that full: {legend}");
    for tone in ["dead", "out", "old"] {
        let looks = browser.run(&format!(
            "const look = (node) => {{ const {{ backgroundColor, outlineStyle, outlineColor }} = getComputedStyle(node); return outlineStyle === 'none' ? [backgroundColor] : [backgroundColor, outlineStyle, outlineColor] }}; return [look(document.querySelector('#strip i[data-tone={tone}]:not([data-most])')), look(document.querySelector('#legend .swatch.{tone}'))]"
        ));
        assert_eq!(looks[0], looks[1], "{tone}");
    }
    let framed = browser.run("return [...document.querySelectorAll('#strip i[data-most]')].map((cell) => getComputedStyle(cell).outlineStyle)");
    assert_eq!(framed, json!(["solid"]));
}

#[test]
#[ignore = "draws pictures for a person to look at, into $PAGE_PICTURES"]
fn draws_itself() {
    let folder = env::var("PAGE_PICTURES").unwrap();
    for (what, count, name) in [
        ("few", 3, short as fn(usize) -> String),
        ("cards", 25, short),
        ("long", 25, long),
        ("thirty", 30, short),
        ("thousand", 1_000, short),
    ] {
        let (_substations, _proxy, port) = page(grid(count, name));
        let browser = Browser::open(port.address).unwrap();
        for width in [400, 700, 900, 1300] {
            browser.size(width, 900);
            let height = browser.run("return document.documentElement.scrollHeight");
            let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
            fs::write(
                format!("{folder}/{what}-{width}.png"),
                browser.screenshot(&clip),
            )
            .unwrap();
        }
    }
}
