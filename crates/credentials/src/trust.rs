//! What a TLS client believes: the authorities that it trusts, and the certificate that it shows.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, sign::SingleCertAndKey};

use crate::{
    chain::{Chain, certificates},
    provider::provider,
};

/// The authorities in a PEM file.
///
/// A server's own certificate may stand there too, if it is signed by itself: it is trusted then, and nothing else is.
pub fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (at, der) in certificates(file)?.into_iter().enumerate() {
        roots.add(der).map_err(|error| {
            let number = at + 1;
            format!("holds as number {number} a certificate that can be no authority: {error}")
        })?;
    }
    Ok(roots)
}

/// The authorities that the system trusts, or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        let why = why.unwrap_or_else(|| "the system has none".to_owned());
        return Err(format!(
            "no certificate authority to trust: {why}; install the package ca-certificates, or set SSL_CERT_FILE"
        ));
    }
    Ok(roots)
}

/// A client that trusts these authorities, and shows `own` where a server asks for a certificate.
pub fn client(roots: RootCertStore, own: Option<&Chain>) -> Result<ClientConfig, rustls::Error> {
    let client = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(match own {
        None => client.with_no_client_auth(),
        Some(own) => {
            let own = SingleCertAndKey::from(Arc::clone(own.key()));
            client.with_client_cert_resolver(Arc::new(own))
        }
    })
}

/// A client that trusts the authorities in a file, else those of the system, and has no certificate. For a command line:
/// the error names the option.
pub fn client_of(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca {
        Some(file) => roots(file).map_err(|rule| format!("--ca {}: {rule}", file.display()))?,
        None => system_roots()?,
    };
    let config = client(roots, None).map_err(|error| format!("TLS can't be set up: {error}"))?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn a_file_of_authorities_holds_certificates_and_nothing_that_is_none() {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let twice = written(&folder, "twice", &format!("{certificate}{certificate}"));
        assert_eq!(roots(&twice).unwrap().len(), 2);

        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, rule) in [
            (String::new(), "holds no certificate"),
            (key.serialize_pem(), "it holds a private key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA".to_owned(), "is not PEM"),
            (
                format!("{certificate}{nonsense}"),
                "holds no valid X.509 certificate as number 2 in line 11",
            ),
        ] {
            let refused = roots(&written(&folder, "ca", &text)).unwrap_err();
            assert!(refused.contains(rule), "{text}: {refused}");
        }
        let missing = roots(&folder.path().join("none")).unwrap_err();
        assert!(missing.starts_with("cannot be read: "), "{missing}");
    }
}
