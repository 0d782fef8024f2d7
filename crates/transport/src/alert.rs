//! What an error of a handshake says.

use rustls::{AlertDescription, Error, InvalidMessage};
use switchyard_credentials::date;

use crate::{
    belief::ClientCertificate,
    presented::now,
    refusal::{Reason, Refusal},
};

/// Whether a server that sends this is refusing the client's certificate, or the lack of one.
pub(crate) fn is_about_client(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::DecryptError
    )
}

/// The refusal for an error of a handshake, other than one that the judgement of the server's certificate found.
/// `client` is what the server could have been shown, and `is_wanted` whether it has asked for that.
pub(crate) fn refusal(error: &Error, client: &ClientCertificate, is_wanted: bool) -> Refusal {
    match error {
        Error::AlertReceived(alert) if is_wanted && is_about_client(*alert) => {
            client_refused(*alert, client)
        }
        // Some servers send no more than this if a certificate is missing.
        Error::AlertReceived(alert @ AlertDescription::HandshakeFailure) if is_wanted => {
            client_refused(*alert, client)
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Refusal::new(
            Reason::Handshake,
            "it does not offer HTTP/1.1 over TLS: switch that on there",
        ),
        Error::AlertReceived(AlertDescription::UnrecognisedName) => Refusal::new(
            Reason::WrongName,
            "it does not know the name that it is asked for: set server_name to one that it has",
        ),
        Error::AlertReceived(AlertDescription::ProtocolVersion) => Refusal::new(
            Reason::Handshake,
            "it speaks neither TLS 1.2 nor TLS 1.3: switch one of them on there",
        ),
        Error::AlertReceived(alert) => Refusal::new(
            Reason::Handshake,
            format_args!("it ended the handshake with the alert {alert:?}: its log may say why"),
        ),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => no_tls(),
        error => Refusal::new(
            Reason::Handshake,
            format_args!("the handshake failed: {error}"),
        ),
    }
}

/// After an answer that is no TLS.
pub(crate) fn no_tls() -> Refusal {
    Refusal::new(
        Reason::NoTls,
        "what answers there does not speak TLS: correct the port, or switch TLS off for it",
    )
}

/// After a connection that ended in the middle of its handshake.
pub(crate) fn ended(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        Reason::Handshake,
        format_args!("it ended the connection in the handshake: {error}"),
    )
}

fn client_refused(alert: AlertDescription, client: &ClientCertificate) -> Refusal {
    let Some(shown) = client.shown() else {
        return Refusal::new(
            Reason::ClientCertificate,
            format_args!(
                "it asks for a client certificate and there is none (alert {alert:?}): set certificate and key"
            ),
        );
    };
    let issuer = &shown.issuer;
    let now = now();
    let dates = if shown.ends < now {
        format!("which has expired at {}: renew it", date(shown.ends))
    } else if shown.begins > now {
        format!("which is valid from {} on", date(shown.begins))
    } else {
        format!("issued by {issuer}: it must trust that authority")
    };
    Refusal::new(
        Reason::ClientCertificate,
        format_args!("it refuses the client {shown} (alert {alert:?}), {dates}"),
    )
}
