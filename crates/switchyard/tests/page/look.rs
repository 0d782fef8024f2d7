//! Looks and access: themes, narrow windows, the keyboard, screen readers.

use serde_json::{Value, json};

use crate::{browser::Browser, rig::Proxy, substations::Substations};

/// The least contrast between a text and its background.
const LEGIBLE: f64 = 4.5;

/// A script that returns the texts with too little contrast, as `contrast: text`.
const FAINT: &str = r"
  const light = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!/, 0\)$/.test(color)) return color;
    }
  };
  const faint = [];
  for (const node of document.querySelectorAll('main *, header *')) {
    const own = [...node.childNodes].filter((child) => child.nodeType === 3).map((child) => child.data.trim()).join('');
    if (!own || !node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < LEAST) faint.push(`${contrast.toFixed(2)}: ${own}`);
  }
  return faint;";

/// A script that returns what is hard to read.
pub(crate) fn faint() -> String {
    FAINT.replace("LEAST", &LEGIBLE.to_string())
}

fn page() -> (Substations, Proxy) {
    let substations = Substations::start(&[100.0, 200.0, 300.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    for _ in 0..10 {
        proxy.charge("");
    }
    (substations, proxy)
}

#[test]
fn both_themes_are_legible_and_the_page_keeps_the_choice() {
    let (_substations, proxy) = page();
    let Some(mut browser) = Browser::open(proxy.admin) else {
        return;
    };
    let ground =
        |browser: &Browser| browser.run("return getComputedStyle(document.body).backgroundColor");
    let mut grounds = Vec::new();
    for theme in ["light", "dark"] {
        browser.theme(theme);
        let faint = browser.run(&faint());
        assert_eq!(faint, json!([]), "{theme}");
        grounds.push(ground(&browser));
    }
    assert_ne!(grounds[0], grounds[1]);
    browser.theme("light");
    browser.click("#theme");
    browser.click("#theme");
    assert_eq!(browser.text("#theme"), "Theme: dark");
    assert_eq!(ground(&browser), grounds[1], "whatever the system prefers");
    browser.go();
    assert_eq!(ground(&browser), grounds[1], "also when it comes back");
    browser.is_clean();
}

#[test]
fn a_narrow_window_needs_no_scrolling_sideways_and_hides_nothing() {
    let (_substations, proxy) = page();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    for width in [320, 400, 700, 1280, 2560] {
        browser.size(width, 800);
        let wide = browser.run("return document.documentElement.scrollWidth");
        assert_eq!(wide, width, "at {width}");
    }
    browser.size(400, 800);
    let inside = browser.run("const box = document.querySelector('#grid .scroll'); return box.scrollWidth <= box.clientWidth");
    assert_eq!(inside, true, "the table lies within its box");
    let row = browser.text("#rows tr[data-name=s2]");
    let titles = browser.run(
        "return [...document.querySelector('#rows tr[data-name=s2]').cells].map((cell) => getComputedStyle(cell, '::before').content)",
    );
    for word in ["s2", "Drain", "200 kW"] {
        assert!(row.contains(word), "{word}: {row}");
    }
    for title in [
        "Address",
        "State",
        "Used",
        "Capacity",
        "Sample age",
        "Assigned",
    ] {
        assert!(titles.to_string().contains(title), "{title}: {titles}");
    }
    browser.click("#rows tr[data-name=s2] button");
    browser.click("#confirm-no");
    browser.is_clean();
}

#[test]
fn every_control_is_reachable_by_keyboard() {
    let (_substations, proxy) = page();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let focus = |browser: &Browser| browser.run("return document.activeElement.id");
    browser.keys("4");
    assert_eq!(focus(&browser), "grid-title");
    browser.keys("/");
    assert_eq!(focus(&browser), "filter");
    browser.keys("s3");
    browser.until(
        "one row is left",
        "return document.querySelectorAll('#rows tr').length === 1",
    );
    assert_eq!(browser.text("#shown"), "1 of 3");
    browser.run("document.activeElement.blur()");
    browser.keys("?");
    assert!(browser.text("#keys").contains("to the table's filter"));
    browser.keys("\u{e00c}");
    browser.until(
        "it is closed",
        "return !document.getElementById('keys').open",
    );

    // Once through by Tab: it reaches every control, and the focus is visible.
    browser.run("document.activeElement.blur()");
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..60 {
        browser.keys("\u{e004}");
        let at = browser.run(
            "const at = document.activeElement; return [at.id || at.getAttribute('aria-label') || at.textContent, getComputedStyle(at).outlineStyle]",
        );
        reached.insert(at[0].as_str().unwrap().to_owned());
        assert_ne!(at[1], "none", "{at}");
        if at[0] == "Drain s3" {
            break;
        }
    }
    for control in ["theme", "help", "filter", "Used", "Drain s3"] {
        assert!(reached.contains(control), "{control}: {reached:?}");
    }
    browser.is_clean();
}

#[test]
fn every_element_has_a_name_for_screen_readers() {
    let (_substations, proxy) = page();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    browser.devtools("Accessibility.enable", &json!({}));
    let tree = browser.devtools("Accessibility.getFullAXTree", &json!({}));
    let value =
        |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
    let nodes: Vec<_> = tree["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["ignored"] != true)
        .collect();
    let mut named = 0;
    for node in &nodes {
        let role = value(node, "role");
        if [
            "button",
            "link",
            "textbox",
            "searchbox",
            "image",
            "table",
            "heading",
            "region",
        ]
        .contains(&role.as_str())
        {
            assert!(
                !value(node, "name").is_empty(),
                "a {role} without a name: {node}"
            );
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
    let has = |role: &str, name: &str| {
        nodes.iter().any(|node| {
            value(node, "role") == role
                && value(node, "name")
                    .to_lowercase()
                    .contains(&name.to_lowercase())
        })
    };
    for section in ["Health", "Balance", "Decisions", "Grid", "Configuration"] {
        assert!(has("heading", section), "{section}");
    }
    assert!(has("button", "Drain s1"));
    assert!(has("image", "Mean now"), "a chart in words");
    assert!(
        nodes.iter().any(|node| value(node, "role") == "status"),
        "the verdict is announced"
    );
    browser.is_clean();
}

#[test]
fn a_click_on_a_column_head_sorts_the_table() {
    let (_substations, proxy) = page();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let order = |browser: &Browser| {
        browser
            .run("return [...document.querySelectorAll('#rows tr')].map((row) => row.dataset.name)")
    };
    assert_eq!(order(&browser), json!(["s1", "s2", "s3"]));
    browser.click("#heads th:nth-child(7) button");
    assert_eq!(
        order(&browser),
        json!(["s3", "s2", "s1"]),
        "the largest capacity first"
    );
    assert_eq!(
        browser.run("return document.querySelector('#heads th:nth-child(7)').ariaSort"),
        "descending"
    );
    browser.click("#heads th:nth-child(7) button");
    assert_eq!(order(&browser), json!(["s1", "s2", "s3"]));
    browser.is_clean();
}

#[test]
fn the_page_shows_the_whole_configuration() {
    let (_substations, proxy) = page();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    assert!(browser.text("#facts").contains("least_load"));
    assert_eq!(browser.text("#reload"), "No reload since the start.");
    browser.click("#whole summary");
    browser.until(
        "it came",
        "return document.getElementById('config').textContent.includes('upstream_path')",
    );
    browser.is_clean();
}
