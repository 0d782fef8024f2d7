//! `switchyard top` in a real terminal, in front of the real proxy.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// The sequences that switch a terminal to a program's own screen and back.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

fn top() -> Command {
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
}

/// `top` in a terminal of 130 columns; killed when dropped.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn open(proxy: &Proxy) -> Self {
        let top = format!(
            "stty rows 30 cols 130; exec {} top --admin http://{}",
            env!("CARGO_BIN_EXE_switchyard"),
            proxy.admin
        );
        // `script` makes a terminal, and is part of every Linux.
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--flush",
                "--return",
                "--command",
                &top,
                "/dev/null",
            ])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let screen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut piece = [0; 4_096];
            while let Ok(read @ 1..) = output.read(&mut piece) {
                screen.lock().unwrap().extend_from_slice(&piece[..read]);
            }
        });
        Self { child, shown }
    }

    fn shows(&self, word: &str) -> bool {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).contains(word)
    }

    fn press(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn top_shows_the_grid_drains_by_a_key_and_leaves_the_terminal_as_it_was() {
    let substations = Substations::start(&[100.0, 200.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    proxy.charge("");
    let mut terminal = Terminal::open(&proxy);
    until("it says that all is healthy", || {
        terminal.shows("Healthy:").then_some(())
    });
    assert!(terminal.shows(ENTER));
    until("a row", || terminal.shows("s2").then_some(()));
    terminal.press("d");
    until("it asks", || terminal.shows("Drain").then_some(()));
    terminal.press("y");
    until("it is drained", || {
        (proxy.status()["substations"][0]["state"] == "draining").then_some(())
    });
    terminal.press("q");
    let status = until("its end", || terminal.child.try_wait().unwrap());
    assert!(status.success(), "{status}");
    until("the screen is left", || terminal.shows(LEAVE).then_some(()));
}

#[test]
fn top_names_what_is_missing() {
    let run = |arguments: &[&str]| {
        let output = top()
            .arg("top")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = run(&["--admin", "http://127.0.0.1:9901"]);
    assert!(
        said.contains("needs a terminal") && said.contains("/status"),
        "{said}"
    );
    let said = run(&["--admin", "localhost:9901"]);
    assert!(said.contains("write it as in http://"), "{said}");
    let said = run(&["--token-file", "/nowhere/token"]);
    assert!(
        said.contains("can't read the token from /nowhere/token"),
        "{said}"
    );
}
