//! The admin port's token.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Answer};
use tempfile::TempDir;

use crate::{rig::Proxy, substations::Substations};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn ask(admin: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Answer {
    let authorization = token.map_or(String::new(), |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let headers = format!("{authorization}connection: close\r\n");
    client::raw(admin, client::request(method, path, &headers, ""))
}

/// A proxy whose admin port listens on all addresses, and the folder of its token file.
fn start(substations: &Substations) -> (Proxy, TempDir) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let extra = format!(
        "admin: {{listen: 0.0.0.0:0, token_file: {}}}",
        file.display()
    );
    (Proxy::start(&substations.addresses, &extra), folder)
}

#[test]
fn everything_but_live_and_ready_asks_for_the_token() {
    let substations = Substations::start(&[1e6]);
    let (proxy, _folder) = start(&substations);
    let admin = proxy.admin;
    assert!(admin.ip().is_unspecified(), "{admin}");
    for path in ["/live", "/ready"] {
        assert_eq!(ask(admin, "GET", path, None).status, 200, "{path}");
    }
    let closed = [
        ("GET", "/metrics", 200),
        ("GET", "/status", 200),
        ("GET", "/get_current_load", 200),
        ("GET", "/decisions", 200),
        ("GET", "/config", 200),
        ("GET", "/history", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/live/", 404),
        ("GET", "//live", 404),
        ("POST", "/status", 405),
        ("POST", "/substations/s1/drain", 200),
        ("POST", "/substations/s1/undrain", 200),
    ];
    for (method, path, status) in closed {
        for token in [None, Some(""), Some("wrong"), Some(&TOKEN[1..])] {
            let answer = ask(admin, method, path, token);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "unauthorized"),
                "{method} {path} {token:?}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert!(!String::from_utf8_lossy(&answer.body).contains(TOKEN));
        }
        let answer = ask(admin, method, path, Some(TOKEN));
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let page = ask(admin, "GET", "/metrics", Some(TOKEN));
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let refused = 4 * closed.len();
    let counted = format!("requests_rejected_total{{reason=\"unauthorized\"}} {refused}\n");
    assert!(page.contains(&counted), "no {counted} in:\n{page}");
    // No page shows the token.
    let config = ask(admin, "GET", "/config", Some(TOKEN));
    assert!(!String::from_utf8_lossy(&config.body).contains(TOKEN));
    assert!(config.json()["admin"]["token_file"].is_string());
}

#[test]
fn a_new_token_counts_from_the_next_request_on_and_a_wrong_file_changes_nothing() {
    let substations = Substations::start(&[1e6]);
    let (proxy, folder) = start(&substations);
    let file = folder.path().join("token");
    let status = |token| ask(proxy.admin, "GET", "/status", Some(token)).status;
    let other = TOKEN.replace('0', "z");
    fs::write(&file, &other).unwrap();
    proxy.signal(Signal::SIGHUP);
    proxy.logged("Admin token replaced");
    assert_eq!((status(TOKEN), status(&other)), (401, 200));
    fs::write(&file, "").unwrap();
    proxy.signal(Signal::SIGHUP);
    proxy.logged("Reload refused");
    assert_eq!((status(TOKEN), status(&other), status("")), (401, 200, 401));
}

#[test]
fn a_world_readable_token_is_warned_of() {
    let substations = Substations::start(&[1e6]);
    let (proxy, folder) = start(&substations);
    let file = folder.path().join("token");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    proxy.signal(Signal::SIGHUP);
    let warned = proxy.logged("File is world-readable");
    assert!(warned.contains("WARN"), "{warned}");
}

#[test]
fn a_pipe_in_place_of_a_file_hangs_no_reload_and_changes_nothing() {
    let substations = Substations::start(&[1e6]);
    let (proxy, folder) = start(&substations);
    let pipe_at = |path: &Path| {
        let pipe = path.with_extension("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        fs::rename(pipe, path).unwrap();
    };
    let config = proxy.files.path().join("switchyard.yaml");
    let text = fs::read_to_string(&config).unwrap();
    for path in [folder.path().join("token"), config.clone()] {
        pipe_at(&path);
        // For the changed file, and once more when it is asked for.
        for _ in 0..2 {
            let answer = ask(proxy.admin, "POST", "/reload", Some(TOKEN));
            let faults = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(faults.contains("it is a pipe"), "{path:?}: {faults}");
        }
        assert_eq!(ask(proxy.admin, "GET", "/status", Some(TOKEN)).status, 200);
        fs::remove_file(&path).unwrap();
        let before = if path == config { &text } else { TOKEN };
        fs::write(&path, before).unwrap();
        let answer = ask(proxy.admin, "POST", "/reload", Some(TOKEN));
        assert_eq!(answer.status, 200, "{path:?}");
    }
}

#[test]
fn who_goes_on_without_the_token_is_logged_and_waits_and_the_token_does_not() {
    let substations = Substations::start(&[1e6]);
    let (proxy, _folder) = start(&substations);
    let (admin, begun) = (proxy.admin, Instant::now());
    // Alternately none and a wrong one; 10, 20, 40, 80, 160 and 250 ms after five free ones.
    for at in 0..11 {
        let token = (at % 2 == 0).then_some("0123456789abcdeX");
        assert_eq!(ask(admin, "GET", "/status", token).status, 401);
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(560),
        "{:?}",
        begun.elapsed()
    );
    let guessers: Vec<_> = (0..20)
        .map(|_| thread::spawn(move || ask(admin, "GET", "/status", Some("wrong")).status))
        .collect();
    let asked = Instant::now();
    assert_eq!(ask(admin, "GET", "/status", Some(TOKEN)).status, 200);
    // 20 guesses of a quarter of a second each are not in the way.
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    for guesser in guessers {
        assert_eq!(guesser.join().unwrap(), 401);
    }
    proxy.logged("requests=1");
    let unauthorized = ask(admin, "GET", "/metrics", Some(TOKEN));
    let page = String::from_utf8_lossy(&unauthorized.body).into_owned();
    assert!(page.contains("requests_rejected_total{reason=\"unauthorized\"} 31\n"));
}
