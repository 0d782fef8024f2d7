//! The connection below a request: TCP, or TLS over it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection, Error as TlsError, StreamOwned};

use super::{Error, UrlError};

/// The first bytes of a TLS alert, which is what a port with TLS answers to a request without it.
const ALERT: &str = "\u{15}\u{3}";

/// How a client speaks TLS: what it trusts, and the name that it expects in the server's certificate.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// Expects a certificate for `host`, a name or an address, an IPv6 address with or without brackets.
    pub fn new(config: Arc<ClientConfig>, host: &str) -> Result<Self, UrlError> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| UrlError::NoName)?;
        Ok(Self { config, name })
    }

    /// Does the handshake. The socket's time-outs bound each of its steps.
    pub(super) fn shake(&self, mut stream: TcpStream) -> Result<Stream, Error> {
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut connection = connection.map_err(|error| self.explain(&error))?;
        while connection.is_handshaking() {
            connection
                .complete_io(&mut stream)
                .map_err(|error| self.of_io(error))?;
        }
        let stream = StreamOwned::new(connection, stream);
        Ok(Stream::Tls(Box::new(stream)))
    }

    fn of_io(&self, error: io::Error) -> Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(refused) => self.explain(refused),
            None => Error::Io(error),
        }
    }

    /// What to do about it comes with it: the client is a program that an operator has just typed.
    fn explain(&self, error: &TlsError) -> Error {
        let name = self.name.to_str();
        Error::Tls(match error {
            TlsError::InvalidMessage(_) => {
                "the port does not speak TLS: write http:// instead of https://".to_owned()
            }
            // A bad signature is that of another authority with the same name.
            TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => {
                "no authority that is trusted here has signed its certificate: name the authority's file with --ca"
                    .to_owned()
            }
            TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!("its certificate is not one for {name}: use a name that is in it"),
            error => error.to_string(),
        })
    }
}

/// What an answer without a status is: what a port with TLS says, or not HTTP at all.
pub(super) fn not_http(line: String) -> Error {
    if line.starts_with(ALERT) {
        let why = "the port speaks TLS: write https:// instead of http://";
        return Error::Tls(why.to_owned());
    }
    Error::NotHttp { line }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
