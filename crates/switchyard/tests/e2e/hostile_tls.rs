//! Substations whose TLS is wrong: each counts as unreachable, says once why, and costs no charge and no other substation
//! anything.

mod server;

use std::{
    fs,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, NameConstraints, SanType,
    date_time_ymd,
};
use rustls::ServerConnection;

use switchyard_faults::fault;

use crate::rig::{Proxy, until};
use server::{Authority, Shown, Site};

/// The handshakes of a scrape and of a charge may take so long.
const LIMITS: &str =
    "load: {interval: 50ms, timeout: 300ms}\ntimeouts: {connect: 300ms, request: 5s}";

fn nothing(_: &mut CertificateParams) {}

/// A proxy for these substations that trusts `authority`.
fn proxy(authority: &Authority, addresses: &[SocketAddr], more: &str) -> Proxy {
    let ca = authority.file("ca.pem").display().to_string();
    let tls = format!("upstream: {{tls: {{ca: {ca}, server_name: localhost{more}}}}}");
    Proxy::start(addresses, &format!("{tls}\n{LIMITS}"))
}

/// How often this substation was refused for this reason.
fn refused(proxy: &Proxy, substation: &str, reason: &str) -> f64 {
    let page = String::from_utf8(proxy.get("/metrics").body).unwrap();
    let is_wanted = |line: &&str| {
        line.starts_with("switchyard_upstream_tls_errors_total{")
            && line.contains(&format!("substation=\"{substation}\""))
            && line.contains(&format!("reason=\"{reason}\""))
    };
    let line = page.lines().find(is_wanted);
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or_default()
}

/// Charges one after another, each of which the substation with this name books at once.
fn all_go_to(proxy: &Proxy, name: &str, charges: usize) {
    for at in 0..charges {
        let begun = Instant::now();
        let answer = proxy.charge(r#"{"power_kw": 11}"#);
        assert_eq!(answer.status, 200, "charge {at}: {answer:?}");
        assert_eq!(answer.header("x-substation"), Some(name), "charge {at}");
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "charge {at} waited"
        );
    }
}

/// The lines of the log that say why a substation gives no sample, after its end.
fn said(proxy: &mut Proxy, substation: &str) -> Vec<String> {
    let lines = proxy.logged_until("Proxy stopped");
    let is_wanted = |line: &&String| {
        line.contains("Substation gives no load sample")
            && line.contains(&format!("substation=\"{substation}\""))
    };
    lines.iter().filter(is_wanted).cloned().collect()
}

#[test]
fn each_wrong_certificate_is_refused_for_its_reason_which_is_said_once_and_charges_go_elsewhere() {
    let authority = Authority::new("trusted", nothing);
    let other = Authority::new("stranger", nothing);
    let narrow = Authority::new("narrow", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    // Both are trusted, as a bundle.
    let both = [&authority, &narrow].map(|one| fs::read_to_string(one.file("ca.pem")).unwrap());
    fs::write(authority.file("ca.pem"), both.concat()).unwrap();

    let expired = authority.issue(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = authority.issue(|params| params.not_before = date_time_ymd(2999, 1, 1));
    let misnamed = authority.issue(|params| {
        params.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into().unwrap())];
    });
    let clients_only = authority.issue(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let mut endless = authority.issue(nothing);
    let filler = Shown::by_itself().chain[0].clone();
    endless.chain.extend(std::iter::repeat_n(
        filler.clone(),
        1 + (1 << 20) / filler.len(),
    ));
    let good = authority.issue(nothing);

    let kinds = [
        (Site::secure(expired.server()), "expired"),
        (Site::secure(early.server()), "not_yet_valid"),
        (Site::secure(misnamed.server()), "wrong_name"),
        (Site::secure(Shown::by_itself().server()), "unknown_ca"),
        (Site::secure(other.issue(nothing).server()), "unknown_ca"),
        (
            Site::secure(narrow.issue(nothing).server()),
            "name_constraints",
        ),
        (Site::secure(clients_only.server()), "wrong_purpose"),
        (Site::secure(endless.server()), "handshake"),
        (
            Site::secure(good.for_clients_of(&authority)),
            "client_certificate",
        ),
        (answers(fault::answer("400 Bad Request", "{}")), "no_tls"),
        (answers(old_hello()), "handshake"),
    ];
    let good = Site::secure(good.server());
    let addresses: Vec<_> = kinds
        .iter()
        .map(|(site, _)| site.address)
        .chain([good.address])
        .collect();
    let proxy = proxy(&authority, &addresses, "");
    let name = format!("s{}", addresses.len());
    all_go_to(&proxy, &name, 20);
    for (at, (site, reason)) in (1..).zip(&kinds) {
        until(reason, || {
            (refused(&proxy, &format!("s{at}"), reason) > 2.0).then_some(())
        });
        assert_eq!(site.charges.load(SeqCst), 0, "{reason}");
    }
    assert_eq!(good.charges.load(SeqCst), 20);
    all_go_to(&proxy, &name, 20);
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
    proxy.signal(Signal::SIGTERM);
    let lines = proxy.logged_until("Proxy stopped");
    for (at, (_, reason)) in (1..).zip(&kinds) {
        let said = lines.iter().filter(|line| {
            let is_of_scrapes = line.contains("Substation gives no load sample");
            is_of_scrapes && line.contains(&format!("substation=\"s{at}\""))
        });
        assert_eq!(
            said.count(),
            1,
            "{reason} of s{at} in\n{}",
            lines.join("\n")
        );
    }
}

/// A `ServerHello` of TLS 1.1, which is all that some old devices speak.
fn old_hello() -> Vec<u8> {
    // A record of TLS 1.1 with 44 bytes: a ServerHello of 40, in which 32 are random, without a session.
    let head = [22, 3, 2, 0, 44, 2, 0, 0, 40, 3, 2];
    let (random, rest) = ([7; 32], [0, 0xc0, 0x13, 0, 0, 0]);
    [&head[..], &random, &rest].concat()
}

/// What answers a `ClientHello` with these bytes, whatever it is.
fn answers(bytes: Vec<u8>) -> Site {
    Site::start(move |mut stream, _, _| {
        let _ = stream.read(&mut [0; 4096])?;
        stream.write_all(&bytes)?;
        io::copy(&mut stream, &mut io::sink()).map(|_| ())
    })
}

#[test]
fn an_address_is_looked_for_in_the_certificate() {
    let authority = Authority::new("trusted", nothing);
    let named = Site::secure(authority.issue(nothing).server());
    let addressed = authority.issue(|params| {
        let address = SanType::IpAddress("127.0.0.1".parse().unwrap());
        params.subject_alt_names = vec![address];
    });
    let addressed = Site::secure(addressed.server());
    let ca = authority.file("ca.pem").display().to_string();
    let proxy = Proxy::start(
        &[named.address, addressed.address],
        &format!("upstream: {{tls: {{ca: {ca}}}}}\n{LIMITS}"),
    );
    until("the name is no address", || {
        (refused(&proxy, "s1", "wrong_name") > 0.0).then_some(())
    });
    all_go_to(&proxy, "s2", 10);
}

#[test]
fn a_client_certificate_is_shown_to_substations_that_ask_for_one() {
    let [authority, clients, others] =
        ["trusted", "clients", "others"].map(|name| Authority::new(name, nothing));
    let certificate = authority.issue(nothing);
    let asking = Site::secure(certificate.for_clients_of(&clients));
    let strict = Site::secure(certificate.for_clients_of(&others));
    let own = format!(", {}", clients.client_files());
    let mut proxy = proxy(&authority, &[asking.address, strict.address], &own);
    until("another authority is asked for", || {
        (refused(&proxy, "s2", "client_certificate") > 2.0).then_some(())
    });
    all_go_to(&proxy, "s1", 10);
    assert_eq!(strict.charges.load(SeqCst), 0);
    proxy.signal(Signal::SIGTERM);
    let said = said(&mut proxy, "s2");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn handshakes_that_hang_hold_up_no_charge_and_no_other_substation() {
    let authority = Authority::new("trusted", nothing);
    let certificate = authority.issue(nothing);
    // Before the first byte, within a record's head, and within the first flight.
    let mut sites: Vec<_> = [0, 3, 60, 200, 500]
        .map(|bytes| Site::cut(certificate.server(), move |_| bytes, true))
        .into();
    sites.push(Site::secure(certificate.server()));
    let addresses: Vec<_> = sites.iter().map(|site| site.address).collect();
    let proxy = proxy(&authority, &addresses, "");
    let name = format!("s{}", addresses.len());
    all_go_to(&proxy, &name, 20);
    for at in 1..addresses.len() {
        let name = format!("s{at}");
        until(&name, || {
            (refused(&proxy, &name, "slow") > 0.0).then_some(())
        });
    }
    // Its own scrapes never waited for the others.
    let status = proxy.status();
    let healthy = &status["substations"][addresses.len() - 1];
    assert!(
        healthy["sample_age_seconds"].as_f64().unwrap() < 1.0,
        "{healthy}"
    );
    all_go_to(&proxy, &name, 20);
}

#[test]
fn a_handshake_that_is_cut_at_any_byte_costs_no_charge() {
    let authority = Authority::new("trusted", nothing);
    let certificate = authority.issue(nothing);
    // A byte more each time, and in larger steps where nothing but the certificate passes.
    let sent = |number: u64| {
        usize::try_from(if number < 150 {
            number
        } else {
            150 + (number - 150) * 7
        })
        .unwrap()
    };
    let cut = Site::cut(certificate.server(), sent, false);
    let good = Site::secure(certificate.server());
    let ca = authority.file("ca.pem").display().to_string();
    let proxy = Proxy::start(
        &[cut.address, good.address],
        &format!(
            "upstream: {{tls: {{ca: {ca}, server_name: localhost}}}}\nload: {{interval: 10ms, timeout: 300ms}}"
        ),
    );
    until("the whole handshake was cut", || {
        let answer = proxy.charge(r#"{"power_kw": 11}"#);
        assert_eq!(answer.status, 200, "{answer:?}");
        (cut.connections.load(SeqCst) > 230).then_some(())
    });
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn garbage_after_the_handshake_costs_its_own_connection_and_takes_the_substation_out() {
    let authority = Authority::new("trusted", nothing);
    let certificate = authority.issue(nothing);
    let config = certificate.server();
    let garbage = Site::start(move |mut stream, _, _| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).map_err(io::Error::other)?;
        }
        // No record that anything has sealed: an answer in clear, and a request to shake hands again.
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n\x16\x03\x03\x00\x04\x00\x00\x00\x00",
        )?;
        io::copy(&mut stream, &mut io::sink()).map(|_| ())
    });
    let good = Site::secure(certificate.server());
    let proxy = proxy(&authority, &[garbage.address, good.address], "");
    let mut in_a_row = 0;
    until("charges go to the other alone", || {
        let answer = proxy.charge(r#"{"power_kw": 11}"#);
        assert!(matches!(answer.status, 200 | 502), "{answer:?}");
        let is_elsewhere = answer.header("x-substation") == Some("s2");
        in_a_row = if is_elsewhere { in_a_row + 1 } else { 0 };
        (in_a_row > 20).then_some(())
    });
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn a_certificate_that_expires_under_load_costs_no_charge_and_a_new_one_brings_it_back() {
    let authority = Authority::new("trusted", nothing);
    let good = authority.issue(nothing);
    let current = Arc::new(Mutex::new(good.server()));
    let sites = [
        Site::changing(Arc::clone(&current)),
        Site::secure(good.server()),
    ];
    let proxy = proxy(&authority, &sites.each_ref().map(|site| site.address), "");
    let charge = || {
        let answer = proxy.charge(r#"{"power_kw": 11}"#);
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    until("both book", || {
        charge();
        sites
            .iter()
            .all(|site| site.charges.load(SeqCst) > 5)
            .then_some(())
    });
    let expired = authority.issue(|params| params.not_after = date_time_ymd(2020, 1, 1));
    *current.lock().unwrap() = expired.server();
    // Connections that are open go on; the proxy is told to make new ones.
    proxy.signal(Signal::SIGHUP);
    let before = sites[1].charges.load(SeqCst);
    until("all go to the other", || {
        charge();
        (sites[1].charges.load(SeqCst) > before + 50).then_some(())
    });
    *current.lock().unwrap() = good.server();
    let before = sites[0].charges.load(SeqCst);
    until("it books again", || {
        charge();
        (sites[0].charges.load(SeqCst) > before + 5).then_some(())
    });
}
