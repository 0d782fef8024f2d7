//! The HTML report of a rush hour, on a phone.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::browser::Browser;

/// A script that returns every text that is cut off or lies outside the window.
const LOST: &str = r"
  const lost = [];
  const check = (what, box) => {
    if (box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5)) lost.push(what);
  };
  for (const node of document.querySelectorAll('main *')) {
    const own = [...node.childNodes].filter((child) => child.nodeType === 3 && child.data.trim());
    for (const child of own) {
      const range = document.createRange();
      range.selectNodeContents(child);
      check(child.data, range.getBoundingClientRect());
    }
    if (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX !== 'visible') {
      lost.push(`${node.tagName} scrolls`);
    }
  }
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5) lost.push(text.textContent);
    }
  }
  return lost;";

#[test]
fn on_a_phone_the_report_loses_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("run.html");
    let ran = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args([
            "demo",
            "--duration",
            "3s",
            "--hours",
            "17:30-18:30",
            "--sessions",
            "20000",
        ])
        .arg("--report")
        .arg(&page)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ran.success());
    let Some(browser) = Browser::file(&page) else {
        return;
    };
    for width in [360, 400, 640, 700, 910, 1280] {
        browser.size(width, 900);
        assert_eq!(browser.run(LOST), json!([]), "at {width} px");
    }
    browser.size(400, 900);
    let columns = browser.run(
        "return [...document.querySelectorAll('.wide tbody tr:first-child td')]
           .map((cell) => getComputedStyle(cell, '::before').content)",
    );
    for column in ["share", "capacity", "peak utilisation", "above capacity"] {
        let named = columns.as_array().unwrap().iter();
        let named = named.filter(|named| *named == &json!(format!("\"{column}\"")));
        assert_eq!(named.count(), 1, "{column} is not in {columns}");
    }
}
