//! What lets the requester in: the authorities that it trusts over TLS, its own certificate, a token.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error as TlsError};
use switchyard_credentials::{Bearer, Chain, Which, client, roots, system_roots};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

use crate::error::Error;
use crate::target::Target;

/// A connection, without and with TLS.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The files of an [`Access`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessFiles {
    /// The authorities to trust over TLS; those of the system without it.
    pub ca: Option<PathBuf>,
    /// The requester's own certificate, with its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The token for the target.
    pub token: Option<PathBuf>,
    /// The token for the admin port.
    pub admin_token: Option<PathBuf>,
}

/// What lets the requester in. By default nothing, and no `https` target can be reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    tls: Option<Arc<ClientConfig>>,
    /// For the target.
    pub(crate) bearer: Option<HeaderValue>,
    /// For the admin port.
    pub(crate) admin_bearer: Option<HeaderValue>,
}

impl Access {
    /// Reads the files. What is for TLS is read only if some target `has_tls`.
    pub fn read(files: &AccessFiles, has_tls: bool) -> Result<Self, Error> {
        Ok(Self {
            tls: has_tls.then(|| tls(files)).transpose()?,
            bearer: bearer("--token-file", files.token.as_deref())?,
            admin_bearer: bearer("--admin-token-file", files.admin_token.as_deref())?,
        })
    }

    /// Does the handshake with a target of this name, if it is one over TLS.
    pub(crate) async fn secure(&self, target: &Target, stream: TcpStream) -> io::Result<Stream> {
        if !target.is_tls() {
            return Ok(Stream::Left(stream));
        }
        let Some(config) = &self.tls else {
            return Err(io::Error::other("nothing was read that TLS could trust"));
        };
        let name = ServerName::try_from(target.host().to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        Ok(Stream::Right(Box::new(stream.await?)))
    }
}

/// What to do about a handshake that failed, if that is known.
pub(crate) fn advice(error: &io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref()? {
        TlsError::InvalidMessage(_) => Some("the port speaks no TLS: write http://"),
        // A bad signature is that of another authority with the same name.
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => Some("name the authority that signed it with --ca"),
        _ => None,
    }
}

fn refused(option: &'static str, file: &Path, rule: String) -> Error {
    let file = file.to_owned();
    Error::File { option, file, rule }
}

fn tls(files: &AccessFiles) -> Result<Arc<ClientConfig>, Error> {
    let roots = match &files.ca {
        Some(file) => roots(file).map_err(|rule| refused("--ca", file, rule))?,
        None => system_roots().map_err(Error::Tls)?,
    };
    let own = files.certificate.as_ref().map(|(certificate, key)| {
        Chain::read(certificate, key).map_err(|fault| match fault.which {
            Which::Certificate => refused("--cert", certificate, fault.rule),
            Which::Key => refused("--key", key, fault.rule),
        })
    });
    let own = own.transpose()?;
    let config = client(roots, own.as_ref()).map_err(|error| Error::Tls(error.to_string()))?;
    Ok(Arc::new(config))
}

fn bearer(option: &'static str, file: Option<&Path>) -> Result<Option<HeaderValue>, Error> {
    let Some(file) = file else {
        return Ok(None);
    };
    let token = Bearer::read(file).map_err(|rule| refused(option, file, rule))?;
    Ok(Some(token.value().clone()))
}
