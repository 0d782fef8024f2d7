//! Clients by their certificates.

use std::{fs, sync::Arc};

use nix::sys::signal::Signal;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use switchyard_faults as client;

use super::{CHARGE, DEPOT};
use crate::{
    h2::{Client, runtime},
    rig::{Proxy, replace, until},
    secure::{Certificate, Secure},
    substations::Substations,
};

const HTTP1: &[&str] = &["http/1.1"];

/// An authority, and the certificate that it gives to clients.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn signed(&self, arrange: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        arrange(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }

    /// A certificate with this host name.
    fn of(&self, name: &str) -> Shown {
        self.signed(|params| {
            params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        })
    }
}

/// A folder with all files, and the configuration.
struct Files {
    server: Certificate,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let files = Self {
            server: Certificate::new(),
        };
        files.trust(authority);
        files
    }

    fn trust(&self, authority: &Authority) {
        fs::write(self.server.path("clients.crt"), &authority.pem).unwrap();
    }

    fn yaml(&self, clients: &str) -> String {
        let tls = self.server.yaml();
        let tls = tls.strip_suffix('}').unwrap();
        let ca = self.server.path("clients.crt");
        format!("{tls}, client_ca: {}}}\nclients: [{clients}]", ca.display())
    }

    fn client(&self, own: Option<&Shown>) -> Arc<ClientConfig> {
        let own = own.map(|(chain, key)| (chain.clone(), key.clone_key()));
        self.server.client_with(HTTP1, own)
    }
}

fn charge() -> String {
    client::request("POST", "/request_charge", "", CHARGE)
}

/// The status of a charge on a connection of its own, or none if there is no connection.
fn status(proxy: &Proxy, client: &Arc<ClientConfig>) -> Option<u16> {
    let mut connection = Secure::open(proxy.charge, client).ok()?;
    connection
        .try_ask(&charge())
        .map(|(head, _)| status_of(&head))
}

fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

const BY_NAME: &str = "{name: depot, certificate_name: depot.example}, \
                       {name: fleet, certificate_name: fleet 7}";

#[test]
fn a_certificate_names_its_client_and_without_one_a_client_is_told_so() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &files.yaml(BY_NAME));
    let depot = authority.of("depot.example");
    let fleet = authority.signed(|params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "fleet 7");
    });
    let stranger = authority.of("stranger.example");
    for (own, expected) in [
        (Some(&depot), 200),
        (Some(&fleet), 200),
        (Some(&stranger), 403),
        (None, 401),
    ] {
        let client = files.client(own);
        // The second connection resumes the session of the first.
        for is_resumed in [false, true] {
            let mut connection = Secure::open(proxy.charge, &client).unwrap();
            for _ in 0..2 {
                let (head, body) = connection.ask(&charge());
                assert_eq!(status_of(&head), expected, "{body}");
                if expected == 403 {
                    assert!(
                        body.contains("forbidden") && body.contains("stranger.example"),
                        "{body}"
                    );
                }
            }
            assert_eq!(connection.is_resumed(), is_resumed);
        }
    }
    let requests = |name| {
        proxy.metric(&format!(
            "switchyard_client_requests_total{{client=\"{name}\"}}"
        ))
    };
    assert_eq!([requests("depot"), requests("fleet")], [4.0; 2]);
    let done = "switchyard_tls_handshakes_total{result=\"done\"}";
    assert_eq!(proxy.metric(done), 8.0);
}

#[test]
fn a_certificate_that_is_not_trusted_or_not_valid_gets_no_connection() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &files.yaml(BY_NAME));
    let unknown = Authority::new().of("depot.example");
    let expired = authority.signed(|params| {
        params.subject_alt_names = vec![SanType::DnsName("depot.example".try_into().unwrap())];
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let of_a_server = authority.signed(|params| {
        params.subject_alt_names = vec![SanType::DnsName("depot.example".try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let refused = "switchyard_tls_handshakes_total{result=\"untrusted\"}";
    for (own, count) in [(&unknown, 1.0), (&expired, 2.0), (&of_a_server, 3.0)] {
        assert_eq!(status(&proxy, &files.client(Some(own))), None);
        until("it is counted", || {
            (proxy.metric(refused) == count).then_some(())
        });
    }
    assert_eq!(substations.started(), [0]);
}

#[test]
fn beside_tokens_a_certificate_is_optional_and_a_wrong_token_is_wrong() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let substations = Substations::start(&[1e6]);
    let both = format!("{BY_NAME}, {{name: token, token_sha256: {DEPOT}}}");
    let proxy = Proxy::start(&substations.addresses, &files.yaml(&both));
    let depot = authority.of("depot.example");
    let stranger = authority.of("stranger.example");
    let ask = |own: Option<&Shown>, token: &str| {
        let mut connection = Secure::open(proxy.charge, &files.client(own)).unwrap();
        let token = match token {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        let request = client::request("POST", "/request_charge", &token, CHARGE);
        status_of(&connection.ask(&request).0)
    };
    for (own, token, expected) in [
        (None, "token-of-depot", 200),
        (None, "", 401),
        (None, "wrong", 401),
        (Some(&depot), "", 200),
        (Some(&depot), "wrong", 401),
        (Some(&stranger), "token-of-depot", 200),
        (Some(&stranger), "", 403),
        (Some(&stranger), "wrong", 401),
    ] {
        assert_eq!(ask(own, token), expected, "{} {token:?}", own.is_some());
    }
}

#[test]
fn a_client_that_was_removed_is_refused_on_the_connections_that_it_has() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &files.yaml(BY_NAME));
    let client = files.client(Some(&authority.of("depot.example")));
    let mut connection = Secure::open(proxy.charge, &client).unwrap();
    assert_eq!(status_of(&connection.ask(&charge()).0), 200);
    let file = proxy.files.path().join("switchyard.yaml");
    let text = fs::read_to_string(&file).unwrap();
    replace(&file, text.replace("depot.example", "moved.example"));
    proxy.signal(Signal::SIGHUP);
    proxy.logged("client depot: certificate_name depot.example → moved.example");
    assert_eq!(status_of(&connection.ask(&charge()).0), 403);
    let mut connection = Secure::open(proxy.charge, &client).unwrap();
    assert!(connection.is_resumed());
    assert_eq!(status_of(&connection.ask(&charge()).0), 403);
}

#[test]
fn other_authorities_count_from_the_next_handshake_on_and_no_session_leads_past_them() {
    let [old, new] = [Authority::new(), Authority::new()];
    let files = Files::new(&old);
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &files.yaml(BY_NAME));
    let of_old = files.client(Some(&old.of("depot.example")));
    let of_new = files.client(Some(&new.of("depot.example")));
    assert_eq!(status(&proxy, &of_old), Some(200));
    assert_eq!(status(&proxy, &of_new), None);
    files.trust(&new);
    proxy.logged("certificate or token replaced");
    assert_eq!(status(&proxy, &of_old), None, "its session does not go on");
    assert_eq!(status(&proxy, &of_new), Some(200));
    // A file that holds no certificate changes nothing, and is named.
    replace(files.server.path("clients.crt"), "none");
    let refused = proxy.logged("Reload refused");
    for word in ["tls.client_ca", "clients.crt", "holds no certificate"] {
        assert!(refused.contains(word), "{refused}");
    }
    assert_eq!(status(&proxy, &of_new), Some(200));
}

#[test]
fn over_http2_a_certificate_names_its_client() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &files.yaml(BY_NAME));
    runtime().block_on(async {
        for (name, expected) in [("depot.example", 200), ("stranger.example", 403)] {
            let (chain, key) = authority.of(name);
            let config = files.server.client_with(&["h2"], Some((chain, key)));
            let client = Client::tls_as(proxy.charge, config).await;
            for _ in 0..2 {
                let answer = client
                    .ask_with(("/request_charge", &[]), (CHARGE, true))
                    .await;
                assert_eq!(answer.status, expected, "{name}");
            }
        }
    });
}
