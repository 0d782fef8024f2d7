//! Tests of the files, and of reloads when they change.

use std::{fs, path::PathBuf};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;
use switchyard_config as config;

/// A folder with a certificate, its key and a token.
struct Files {
    folder: TempDir,
}

/// A certificate and its key, as PEM.
fn pair(expires: i32) -> (String, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(expires, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: TempDir::new().unwrap(),
        };
        files.renew(3000);
        files.write("token", "0123456789abcdef");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn renew(&self, expires: i32) {
        let (certificate, key) = pair(expires);
        self.write("tls.crt", &certificate);
        self.write("tls.key", &key);
    }

    fn tls(&self) -> config::Tls {
        config::Tls {
            certificate: self.path("tls.crt"),
            key: self.path("tls.key"),
            client_ca: None,
        }
    }

    fn config(&self, with_token: bool) -> Config {
        let [certificate, key, token] =
            ["tls.crt", "tls.key", "token"].map(|name| self.path(name).display().to_string());
        let token = if with_token {
            format!("admin: {{token_file: {token}}}")
        } else {
            String::new()
        };
        let text = format!(
            "substations: [{{name: a, address: 127.0.0.1:5001}}]\ntls: {{certificate: {certificate}, key: {key}}}\n{token}"
        );
        Config::from_yaml(&text, "test").unwrap()
    }

    /// The rule that the files break, and the key whose file it is.
    fn fault(&self) -> (String, String) {
        let fault = Certificates::load(&self.tls()).unwrap_err();
        assert!(fault.value.contains("tls."), "{fault}");
        (fault.path, fault.rule)
    }
}

/// One DER element: its tag and its content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], length.as_slice(), content].concat()
}

/// The first element of `der`: all of it, its content, and what follows.
fn element(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (header, length) = match der[1] {
        short @ 0..=0x7f => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
    };
    let end = header + length;
    (&der[..end], &der[header..end], &der[end..])
}

/// A self-signed certificate and its key, with the certificate made over into version 1, which has no version field
/// and no extensions. Its signature is no longer right, which nothing here checks.
fn version_1() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let signed = params.self_signed(&key).unwrap();
    let (_, whole, _) = element(signed.der());
    let (_, mut fields, signature) = element(whole);
    let mut kept = Vec::new();
    while !fields.is_empty() {
        let (field, _, rest) = element(fields);
        if !matches!(field[0], 0xa0 | 0xa3) {
            kept.extend_from_slice(field);
        }
        fields = rest;
    }
    let certificate = der(0x30, &[der(0x30, &kept), signature.to_vec()].concat());
    (pem("CERTIFICATE", &certificate), key.serialize_pem())
}

fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, three) in der.chunks(3).enumerate() {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or(0))
        });
        for digit in 0..4 {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap();
            let is_there = digit <= three.len();
            text.push(if is_there { DIGITS[value].into() } else { '=' });
        }
        if at % 16 == 15 {
            text.push('\n');
        }
    }
    format!("{text}\n-----END {label}-----\n")
}

#[test]
fn an_x509_certificate_of_version_1_is_named_as_such() {
    let files = Files::new();
    let (certificate, key) = version_1();
    files.write("tls.crt", &certificate);
    files.write("tls.key", &key);
    let (path, rule) = files.fault();
    assert_eq!(path, "tls.certificate");
    assert!(
        rule.starts_with("holds an X.509 version 1 certificate"),
        "{rule}"
    );
    assert!(rule.contains("version 3"), "{rule}");
}

#[test]
fn glued_certificates_are_all_read() {
    let files = Files::new();
    let (certificate, key) = pair(3000);
    let (second, _) = pair(2999);
    let (third, _) = pair(2998);
    let [one, two, three] = [&certificate, &second, &third].map(|pem| pem.trim_end());
    let count = || {
        let chain = read(&files.tls()).unwrap().chain;
        chain.key().cert.len()
    };
    files.write("tls.key", &key);
    for glued in [
        format!("{one}{two}{three}"),
        format!("{one}{two}\n{three}"),
        format!("{one} \t{two}\r\n{three}\r\n"),
        format!("\u{feff}{one}\n  {two}\n\t{three}"),
        format!("{}{}{three}", one.replace('\n', "\r\n"), two),
    ] {
        files.write("tls.crt", &glued);
        assert_eq!(count(), 3, "{glued}");
    }
    // The key may be glued to something, too.
    files.write("tls.key", &format!("{one}{key}"));
    assert_eq!(count(), 3);

    let trusted = two.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    files.write("tls.crt", &format!("{one}{trusted}"));
    let (_, rule) = files.fault();
    assert!(rule.starts_with("holds a TRUSTED CERTIFICATE"), "{rule}");
}

#[test]
fn each_fault_of_the_files_has_its_message() {
    let (certificate, key) = pair(3000);
    let (_, other) = pair(3000);
    let torn = &certificate[..certificate.len() / 2];
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let (crt, pem) = ("tls.certificate", "tls.key");
    let cases = [
        ("", &*key, crt, "holds no certificate"),
        ("not PEM at all", &key, crt, "holds no certificate"),
        (&key, &key, crt, "holds no certificate"),
        (torn, &key, crt, "is not PEM: a section has no END line"),
        (
            &format!("{begin}####\n-----END CERTIFICATE-----\n"),
            &key,
            crt,
            "is not PEM",
        ),
        (
            &format!("{begin}AAAA\n-----END CERTIFICATE-----\n"),
            &key,
            crt,
            "holds no valid X.509 certificate as number 1",
        ),
        (
            &format!("{certificate}{begin}AAAA\n-----END CERTIFICATE-----\n"),
            &key,
            crt,
            "holds no valid X.509 certificate as number 2",
        ),
        (&certificate, "", pem, "holds no private key"),
        (&certificate, &certificate, pem, "holds no private key"),
        (
            &certificate,
            &key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            pem,
            "holds a key that a password protects",
        ),
        (
            &certificate,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            pem,
            "holds an unsupported key",
        ),
        (
            &certificate,
            &other,
            pem,
            "does not belong to the first certificate",
        ),
    ];
    let files = Files::new();
    for (certificate, key, path, rule) in cases {
        files.write("tls.crt", certificate);
        files.write("tls.key", key);
        let found = files.fault();
        assert_eq!(found.0, path, "{found:?}");
        assert!(found.1.starts_with(rule), "{found:?}\n{rule}");
    }
    fs::remove_file(files.path("tls.key")).unwrap();
    files.write("tls.crt", &certificate);
    let (path, rule) = files.fault();
    assert_eq!(path, pem);
    assert!(rule.starts_with("cannot be read: No such file"), "{rule}");
}

#[test]
fn a_whole_chain_is_sent_and_its_first_certificate_counts() {
    let files = Files::new();
    let (own, key) = pair(2999);
    let (above, _) = pair(3000);
    files.write("tls.crt", &format!("a word before\n{own}\n{above}"));
    files.write("tls.key", &key);
    let chain = read(&files.tls()).unwrap().chain;
    assert_eq!(chain.key().cert.len(), 2);
    let year_2999 = 32_472_144_000;
    assert_eq!(chain.expires_at(), year_2999);

    files.write("tls.crt", &format!("{above}{own}"));
    let (_, rule) = files.fault();
    assert!(
        rule.ends_with("of one pair, and that certificate must come first"),
        "{rule}"
    );
}

#[test]
fn an_expired_certificate_is_used_all_the_same() {
    let files = Files::new();
    files.renew(2001);
    assert!(Certificates::load(&files.tls()).unwrap().expires_at() < 1_000_000_000);
}

#[test]
fn dates_are_written_as_rfc_3339() {
    for (seconds, written) in [
        (32_472_144_000, "2999-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1970-01-01T00:00:00Z"),
        (i64::MAX, "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(date(seconds).to_string(), written);
    }
}

#[test]
fn a_reload_replaces_all_or_nothing() {
    let files = Files::new();
    let config = files.config(true);
    let credentials = Credentials::load(&config, "test").unwrap();
    let expires_at = || credentials.certificates().unwrap().expires_at();
    let first = expires_at();
    assert!(!credentials.reload(&config, "test").unwrap());

    files.renew(2998);
    files.write("token", "short");
    let error = credentials
        .reload(&config, "again")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("again: 1 fault\n  admin.token_file: "),
        "{error}"
    );
    assert_eq!(
        expires_at(),
        first,
        "the old certificate, though the new one is valid"
    );

    files.write("token", "fedcba9876543210");
    assert!(credentials.reload(&config, "test").unwrap());
    assert!(expires_at() < first);

    files.write("tls.key", "");
    files.write("token", "");
    let Err(Error::Faults(faults)) = credentials.reload(&config, "test") else {
        panic!("a fault of each")
    };
    assert_eq!(faults.faults.len(), 2, "{faults}");
}

#[test]
fn tls_and_token_neither_come_nor_go() {
    let files = Files::new();
    let (with, without) = (files.config(true), files.config(false));
    for (now, then) in [(&with, &without), (&without, &with)] {
        let credentials = Credentials::load(now, "test").unwrap();
        let error = credentials.reload(then, "test").unwrap_err().to_string();
        assert!(
            error.ends_with(
                "admin.token_file: can't be added or removed while the proxy runs: restart it"
            ),
            "{error}"
        );
    }
    let plain = Credentials::default();
    assert!(plain.reload(&without, "test").is_err());
}
