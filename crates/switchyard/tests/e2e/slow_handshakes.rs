//! TLS clients that stop anywhere in their handshake, and from there on send a byte too seldom.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection};
use switchyard_faults::{self as client, PATIENCE};

use crate::{
    rig::{Proxy, until},
    secure::{Certificate, Secure, name},
    substations::Substations,
};

/// A client that has sent its handshake up to a byte.
struct Stopped {
    stream: TcpStream,
    /// What it would send next.
    rest: Vec<u8>,
}

impl Stopped {
    /// Stops after this many bytes of its first message. `None` if that has no more.
    fn in_first(proxy: &Proxy, config: &Arc<ClientConfig>, at: usize) -> Option<Self> {
        let mut tls = ClientConnection::new(Arc::clone(config), name()).unwrap();
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).unwrap();
        Self::after(TcpStream::connect(proxy.charge).unwrap(), hello, at)
    }

    /// Stops after this many bytes of what it sends last, once it has the certificate.
    fn in_last(proxy: &Proxy, config: &Arc<ClientConfig>, at: usize) -> Option<Self> {
        let mut stream = TcpStream::connect(proxy.charge).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name()).unwrap();
        tls.write_tls(&mut stream).unwrap();
        while tls.is_handshaking() {
            tls.read_tls(&mut stream).unwrap();
            tls.process_new_packets().unwrap();
        }
        let mut last = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut last).unwrap();
        }
        Self::after(stream, last, at)
    }

    fn after(mut stream: TcpStream, mut bytes: Vec<u8>, at: usize) -> Option<Self> {
        // The last byte is left to be sent: with it the message is whole.
        if at >= bytes.len() {
            return None;
        }
        let rest = bytes.split_off(at);
        stream.write_all(&bytes).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Self { stream, rest })
    }

    /// Sends one more byte, unless it would be the last.
    fn drip(&mut self) {
        if self.rest.len() > 1 {
            // The proxy may have closed it.
            let _ = self.stream.write_all(&[self.rest.remove(0)]);
        }
    }

    /// Whether the proxy closes it.
    fn closes(mut self) -> bool {
        loop {
            match self.stream.read(&mut [0; 4096]) {
                Ok(0) => return true,
                // What came of the proxy's own handshake.
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}

#[test]
fn a_handshake_that_drips_from_any_byte_on_ends_in_time_and_delays_nobody() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let extra = format!(
        "{}\ntimeouts: {{client: 2s}}\nlimits: {{client: {{connections: 2000}}}}",
        certificate.yaml()
    );
    let proxy = Proxy::start(&substations.addresses, &extra);
    let config = certificate.client(&["http/1.1"]);
    let begun = Instant::now();
    let first = (0..).map_while(|at| Stopped::in_first(&proxy, &config, at));
    let mut stopped: Vec<_> = first.collect();
    let hello = stopped.len();
    let last = (0..).map_while(|at| Stopped::in_last(&proxy, &config, at));
    stopped.extend(last);
    assert!(hello > 100 && stopped.len() > hello + 50, "{hello} bytes");
    let all = u32::try_from(stopped.len()).unwrap();

    let too_slow = || proxy.metric("switchyard_tls_handshakes_total{result=\"too_slow\"}");
    let mut next = Instant::now();
    while too_slow() < f64::from(all) {
        assert!(begun.elapsed() < PATIENCE, "{} have ended", too_slow());
        if next <= Instant::now() {
            stopped.iter_mut().for_each(Stopped::drip);
            next = Instant::now() + Duration::from_millis(500);
        }
        // Somebody else, with a full handshake.
        let asked = Instant::now();
        let mut other = Secure::open(proxy.charge, &certificate.client(&["http/1.1"])).unwrap();
        let charge = client::request("POST", "/request_charge", "", "{}");
        assert!(other.ask(&charge).0.starts_with("http/1.1 200"));
        assert!(asked.elapsed() < Duration::from_secs(1), "others wait");
        thread::yield_now();
    }
    assert!(stopped.into_iter().all(Stopped::closes));
    until("all are gone", || {
        (proxy.metric("switchyard_connections") <= 1.0).then_some(())
    });
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}
