//! The built example, in front of real substations.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::{
    env, fs,
    io::{Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use substation::{Config, Substation};
use tokio::net::TcpListener;

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The example's binary. A build of all tests includes it; a build of this test alone does not, so it is built here.
fn example() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let binary = profile.join("examples/plain_proxy");
    if !binary.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--example", "plain_proxy"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "{}", binary.display());
    }
    binary
}

/// The running example; killed when dropped.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Proxy {
    fn start(folder: &Path, substations: &[SocketAddr]) -> Self {
        let listed: Vec<_> = substations
            .iter()
            .enumerate()
            .map(|(at, address)| format!("{{name: s{at}, address: \"{address}\"}}"))
            .collect();
        let file = folder.join("switchyard.yaml");
        let yaml = format!(
            "substations: [{}]\ncharge: {{default_load: 5}}\nload: {{interval: 100ms, timeout: 5s}}\n",
            listed.join(", ")
        );
        fs::write(&file, yaml).unwrap();
        let socket = folder.join("proxy.sock");
        let child = Command::new(example())
            .args([&file, &socket])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, socket }
    }

    fn charge(&self) -> String {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = r#"{"power_kw": 5, "energy_kwh": 1000}"#;
        let request = format!(
            "POST /charge HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_plain_pingora_proxy_fills_substations_evenly_by_utilisation() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut substations = Vec::new();
    let mut addresses = Vec::new();
    for (at, capacity) in [100.0, 200.0, 300.0].into_iter().enumerate() {
        let substation = Substation::new(Config::new(format!("s{at}"), capacity)).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        addresses.push(listener.local_addr().unwrap());
        let (shared, forever) = (substation.clone(), std::future::pending());
        runtime.spawn(substation::run(shared, listener, forever));
        substations.push(substation);
    }
    // An unreachable substation: no request may fail because of it.
    let gone = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    addresses.push(gone.local_addr().unwrap());
    drop(gone);

    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(folder.path(), &addresses);
    until("its socket", || UnixStream::connect(&proxy.socket).is_ok());
    // The proxy listens before its first samples have arrived. A request that it refuses until then is not booked.
    until("its first samples", || {
        proxy.charge().starts_with("HTTP/1.1 200")
    });
    for _ in 1..60 {
        let answer = proxy.charge();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.to_lowercase().contains("x-substation: s"),
            "{answer}"
        );
    }
    // 60 charges of 5 kW fill half of the 600 kW, so half of each substation, to within one charge.
    let loads: Vec<_> = substations
        .iter()
        .map(Substation::current_load_kw)
        .collect();
    for (load, half) in loads.iter().zip([50.0, 100.0, 150.0]) {
        assert!((load - half).abs() <= 5.0, "{loads:?}");
    }
    assert!(
        (loads.iter().sum::<f64>() - 300.0).abs() < 1e-6,
        "{loads:?}"
    );
}
