//! Who a certificate is of.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;

use crate::chain::parsed;

/// What a certificate says of its owner. That it is true is for the handshake to check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// The host names, URIs and e-mail addresses of `subjectAltName`, in its order, then the common names.
    pub names: Vec<String>,
    /// When the certificate expires, in seconds since the Unix epoch.
    pub expires_at: i64,
}

impl Subject {
    /// Of a certificate, if it can be read.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = parsed(certificate)?;
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let alternative = alternative.into_iter();
        let alternative = alternative.flat_map(|names| &names.value.general_names);
        let alternative = alternative.filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
                Some((*name).to_owned())
            }
            _ => None,
        });
        let common = certificate.subject().iter_common_name();
        let common = common.filter_map(|name| name.as_str().ok().map(str::to_owned));
        Some(Self {
            names: alternative.chain(common).collect(),
            expires_at: certificate.validity().not_after.timestamp(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    #[test]
    fn all_names_of_a_certificate_are_found() {
        let mut params = CertificateParams::new(["depot.example".to_owned()]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "depot 7");
        let others = [
            SanType::URI("spiffe://grid/depot".try_into().unwrap()),
            SanType::Rfc822Name("depot@example.org".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 1].into()),
        ];
        params.subject_alt_names.extend(others);
        params.not_after = date_time_ymd(2100, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let subject = Subject::of(certificate.der()).unwrap();
        let expected = [
            "depot.example",
            "spiffe://grid/depot",
            "depot@example.org",
            "depot 7",
        ];
        assert_eq!(subject.names, expected);
        assert_eq!(subject.expires_at, 4_102_444_800);
        assert_eq!(Subject::of(&CertificateDer::from(vec![0x30, 0])), None);
    }
}
