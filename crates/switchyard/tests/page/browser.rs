//! A Chromium, driven through chromedriver.
//!
//! `WebDriver` is JSON over HTTP, and half of what the tests need (console, network, media
//! features, heap) is not in the standard but chromedriver's own. So these few calls stand here
//! instead of a client library.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use switchyard_faults as client;

use crate::rig::until;

/// A window and its driver; dropping this ends both.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// The admin port, the only address that the page may request.
    home: SocketAddr,
}

/// The key of an element in `WebDriver`'s JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A running driver and its port; none where chromedriver is not installed.
fn driver() -> Option<(Child, u16)> {
    // chromedriver picks a port for IPv4 and needs the same one for IPv6. If that is taken it
    // exits, so try again.
    until("chromedriver says its port", || {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            println!("skipped: there is no chromedriver; `make test` says why");
            return Some(None);
        };
        let said = BufReader::new(driver.stdout.take().unwrap());
        let mut said = said.lines().map_while(Result::ok);
        let port = said.find_map(|line| {
            let port = line.split("successfully on port ").nth(1)?;
            port.trim_end_matches('.').parse().ok()
        });
        // Nothing reads the rest, but the driver must be able to write it.
        std::thread::spawn(move || said.for_each(drop));
        if port.is_none() {
            let _ = driver.kill();
            let _ = driver.wait();
        }
        port.map(|port| Some((driver, port)))
    })
}

impl Browser {
    /// A browser that shows the page of this admin port; none where there is no Chromium.
    pub(crate) fn open(admin: SocketAddr) -> Option<Self> {
        let mut browser = Self::start(admin)?;
        browser.go();
        Some(browser)
    }

    fn start(home: SocketAddr) -> Option<Self> {
        let (driver, port) = driver()?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
            home,
        };
        // A container has only root, no GPU and little shared memory.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--js-flags=--expose-gc",
        ];
        let wanted = json!({
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        });
        let session = browser.call(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": wanted}}),
        );
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser.size(1280, 900);
        Some(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = client::raw(self.address, request);
        let mut said = answer.json();
        assert_eq!(answer.status, 200, "{method} {path} {body}: {said}");
        said["value"].take()
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    /// A command of the `DevTools` protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// The same, for a page that asks for a token before it shows anything.
    pub(crate) fn open_asking(admin: SocketAddr) -> Option<Self> {
        let browser = Self::start(admin)?;
        browser.load();
        Some(browser)
    }

    /// A browser that shows a file; none where there is no Chromium.
    pub(crate) fn file(path: &Path) -> Option<Self> {
        let browser = Self::start((Ipv4Addr::LOCALHOST, 0).into())?;
        let url = format!("file://{}", path.display());
        browser.ask("/url", &json!({"url": url}));
        Some(browser)
    }

    fn load(&self) {
        self.ask("/url", &json!({"url": format!("http://{}/", self.home)}));
    }

    /// Loads the page and waits until it is live.
    pub(crate) fn go(&mut self) {
        self.load();
        self.until(
            "the page is live",
            "return document.getElementById('link').dataset.state === 'live'",
        );
    }

    /// What a script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script returns true.
    pub(crate) fn until(&self, what: &str, script: &str) {
        until(what, || (self.run(script) == true).then_some(()));
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a person does: fails for an element that is covered or out of sight.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.ask(&format!("/element/{element}/click"), &json!({}));
    }

    /// The visible text of an element.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        let path = format!("{}/element/{element}/text", self.session);
        self.call("GET", &path, &Value::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Types into the element that has the focus.
    pub(crate) fn keys(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| {
            [
                json!({"type": "keyDown", "value": key}),
                json!({"type": "keyUp", "value": key}),
            ]
        });
        let actions: Vec<_> = each.collect();
        self.ask(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}),
        );
    }

    /// Sets the size of the viewport, in CSS pixels.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Sets the colour scheme that the system prefers: `light` or `dark`.
    pub(crate) fn theme(&self, theme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": theme});
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        );
    }

    /// A screenshot of `clip`, as PNG.
    pub(crate) fn screenshot(&self, clip: &Value) -> Vec<u8> {
        let options = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let screenshot = self.devtools("Page.captureScreenshot", &options);
        base64(screenshot["data"].as_str().unwrap())
    }

    /// The lines of a log since the last call.
    fn log(&self, kind: &str) -> Vec<Value> {
        let lines = self.ask("/se/log", &json!({"type": kind}));
        lines.as_array().unwrap().clone()
    }

    /// Checks that the console has only messages that are expected, and that all requests went to
    /// the admin port.
    pub(crate) fn is_clean_but_for(&self, is_expected: impl Fn(&str) -> bool) {
        for line in self.log("browser") {
            let message = line["message"].as_str().unwrap();
            assert!(is_expected(message), "the console says {line}");
        }
        let mut asked = 0;
        for line in self.log("performance") {
            let message: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
            if message["message"]["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = message["message"]["params"]["request"]["url"]
                .as_str()
                .unwrap();
            let is_ours = url.starts_with(&format!("http://{}/", self.home));
            assert!(is_ours || url.starts_with("data:"), "a request to {url}");
            asked += 1;
        }
        assert!(
            asked > 0,
            "the log of requests is empty, so it proves nothing"
        );
    }

    /// The same, with no message allowed in the console.
    pub(crate) fn is_clean(&self) {
        self.is_clean_but_for(|_| false);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium outlives its driver, so end it first. After a failed test this must not panic
        // again.
        let end = || self.call("DELETE", &self.session, &Value::Null);
        let _ = catch_unwind(AssertUnwindSafe(end));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Decodes base64, the form of `WebDriver`'s screenshots.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits = text.trim_end_matches('=').as_bytes();
    let of_four = |four: &[u8]| {
        let bits = four
            .iter()
            .fold(0_u32, |bits, byte| bits << 6 | u32::from(digit(*byte)));
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(of_four).collect()
}
