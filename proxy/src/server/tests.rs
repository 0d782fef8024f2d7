//! A whole proxy in this process, in which tasks die and work hangs.

use std::{
    io::{self, Write},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Instant,
};

use parking_lot::Mutex;
use switchyard_faults::{self as client, Answer, PATIENCE, Scripted};
use tokio::sync::oneshot;

use super::*;

/// A log that panics once at a line with each of these words, as a broken log did.
#[derive(Clone, Default)]
struct Trap(Arc<Mutex<Vec<&'static str>>>);

impl Write for Trap {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut words = self.0.lock();
        let hit = words.iter().position(|word| text.contains(word));
        let hit = hit.map(|at| words.remove(at));
        drop(words);
        assert_eq!(hit, None, "the log fails");
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A running proxy. It stops when `stop` is used or dropped.
struct Running {
    charge: SocketAddr,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), Error>>,
}

/// Starts a proxy on a thread of its own, with a log that panics at these words on that thread.
fn start(substations: &[SocketAddr], words: &[&'static str]) -> Running {
    let listed: Vec<_> = substations
        .iter()
        .enumerate()
        .map(|(at, address)| format!("{{name: s{at}, address: \"{address}\"}}"))
        .collect();
    let yaml = format!(
        "{{listen: 127.0.0.1:0, admin: {{listen: 127.0.0.1:0}}, threads: 1, load: {{interval: 20ms}}, \
         substations: [{}]}}",
        listed.join(", ")
    );
    let config = Config::from_yaml(&yaml, "test").unwrap();
    let listeners = Listeners::bind(&config).unwrap();
    let (charge, admin) = (
        listeners.charge_address().unwrap(),
        listeners.admin_address().unwrap(),
    );
    let (stop, stopped) = oneshot::channel();
    let trap = Trap(Arc::new(Mutex::new(words.to_vec())));
    let thread = thread::spawn(move || {
        let log = tracing_subscriber::fmt()
            .with_writer(move || trap.clone())
            .finish();
        let _log = tracing::subscriber::set_default(log);
        run(
            config,
            None,
            Credentials::default(),
            listeners,
            |gate| async move {
                gate.open();
                let _ = stopped.await;
                Ending::Stop
            },
        )
    });
    Running {
        charge,
        admin,
        stop,
        thread,
    }
}

impl Running {
    fn live(&self) -> Answer {
        client::get(self.admin, "/live")
    }

    /// Waits until `/live` answers with this status.
    fn lives(&self, status: u16) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.live();
            if answer.status == status {
                return String::from_utf8(answer.body).unwrap();
            }
            assert!(Instant::now() < deadline, "/live stays {}", answer.status);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn metric(&self, series: &str) -> f64 {
        let page = String::from_utf8(client::get(self.admin, "/metrics").body).unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(series));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_task_that_dies_is_started_again_and_live_says_so_meanwhile() {
    let works = Scripted::working("0");
    let gone: SocketAddr = ([127, 0, 0, 1], 9).into();
    let deadly = ["Substation unreachable", "Reload refused"];
    let proxy = start(&[works.address, gone], &deadly);
    // The scraper dies of the line that says what it found.
    assert!(proxy.lives(503).contains("scraper"));
    assert_eq!(proxy.lives(200), "live\n");
    let sampled = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s0\"}";
    let before = proxy.metric(sampled);
    let deadline = Instant::now() + PATIENCE;
    while proxy.metric(sampled) < before + 2.0 {
        assert!(Instant::now() < deadline, "it scrapes no more");
        thread::sleep(Duration::from_millis(1));
    }
    // The reload dies of the line that says why it is refused: this configuration came from no file.
    assert_eq!(client::post(proxy.admin, "/reload", "").status, 503);
    assert!(proxy.lives(503).contains("reload"));
    assert_eq!(proxy.lives(200), "live\n");
    assert_eq!(client::post(proxy.admin, "/reload", "").status, 422);
    // Neither cost a request.
    assert_eq!(
        client::post(proxy.charge, "/request_charge", "").status,
        200
    );
    proxy.stop();
}

#[test]
fn the_end_waits_for_no_work_that_blocks() {
    let config = "{listen: 127.0.0.1:0, admin: {listen: 127.0.0.1:0}, threads: 1, substations: [{name: a, address: 127.0.0.1:9}]}";
    let config = Config::from_yaml(config, "test").unwrap();
    let listeners = Listeners::bind(&config).unwrap();
    // As a look-up of a name does whose server is silent.
    let (hang, hangs) = mpsc::channel::<()>();
    let began = Instant::now();
    let credentials = Credentials::default();
    run(config, None, credentials, listeners, |gate| async move {
        gate.open();
        let (started, has_started) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _ = started.send(());
            hangs.recv_timeout(PATIENCE)
        });
        has_started.await.unwrap();
        Ending::Stop
    })
    .unwrap();
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    drop(hang);
}
