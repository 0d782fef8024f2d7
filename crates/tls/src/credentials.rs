//! The certificates and the token that a configuration names, read from their files at the start and at each reload.
//!
//! All are replaced together or not at all: a reload first reads and checks everything, and only then swaps.
//! Whether there *is* TLS or a token can't change without a restart, since the ports were bound for it: an admin port
//! that other machines reach must never lose its token.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use switchyard_config::{Ca, Config, Error, Fault, Faults, UpstreamTls};
use switchyard_credentials::{Bearer, Bearers, date};
use switchyard_transport::{Belief, Trust, TrustFiles, Which};
use tracing::info;

use crate::{
    certificates::{Certificates, read, read_admin},
    token::Token,
};

/// The certificates and the token in force, as far as the configuration asks for them.
#[derive(Debug, Default)]
pub struct Credentials {
    certificates: Option<Arc<Certificates>>,
    admin_certificates: Option<Arc<Certificates>>,
    token: Option<Arc<Token>>,
    bearers: Arc<Bearers>,
    trust: Arc<Trust>,
}

impl Credentials {
    /// Reads what the configuration names; `source` is its name in messages.
    pub fn load(config: &Config, source: &str) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let certificates = config
            .tls
            .as_ref()
            .and_then(|files| ok_or_note(Certificates::load(files), &mut faults));
        let admin_certificates = config
            .admin
            .tls
            .as_ref()
            .and_then(|files| ok_or_note(Certificates::load_admin(files), &mut faults));
        let token = config
            .admin
            .token_file
            .as_ref()
            .and_then(|file| ok_or_note(Token::load(file), &mut faults));
        let bearers = Bearers::default();
        bearers.replace(read_bearers(config, &mut faults));
        let belief = belief(config, &mut faults);
        into_result(source, faults)?;
        let trust = Trust::default();
        trust.replace(belief);
        Ok(Self {
            bearers: Arc::new(bearers),
            trust: Arc::new(trust),
            certificates: certificates.map(Arc::new),
            admin_certificates: admin_certificates.map(Arc::new),
            token: token.map(Arc::new),
        })
    }

    /// Reads all files again, as `config` names them now, and puts them in force. Returns whether anything differs.
    /// A fault changes nothing.
    pub fn reload(&self, config: &Config, source: &str) -> Result<bool, Error> {
        let mut faults = Vec::new();
        let chain = match (&self.certificates, &config.tls) {
            (Some(current), Some(files)) => {
                ok_or_note(read(files), &mut faults).map(|chain| (current, chain))
            }
            (current, files) => {
                require_unchanged("tls", current.is_some(), files.is_some(), &mut faults);
                None
            }
        };
        let admin_chain = match (&self.admin_certificates, &config.admin.tls) {
            (Some(current), Some(files)) => {
                ok_or_note(read_admin(files), &mut faults).map(|chain| (current, chain))
            }
            (current, files) => {
                let path = "admin.tls";
                require_unchanged(path, current.is_some(), files.is_some(), &mut faults);
                None
            }
        };
        let token = match (&self.token, &config.admin.token_file) {
            (Some(current), Some(file)) => {
                ok_or_note(Token::load(file), &mut faults).map(|token| (current, token))
            }
            (current, file) => {
                let path = "admin.token_file";
                require_unchanged(path, current.is_some(), file.is_some(), &mut faults);
                None
            }
        };
        let bearers = read_bearers(config, &mut faults);
        let belief = belief(config, &mut faults);
        into_result(source, faults)?;
        let mut is_new = false;
        // The only part that may still fail, so it comes first.
        if let Some((current, chain)) = chain {
            let replaced = current.replace(chain);
            if replaced.map_err(|fault| faulty(source, vec![fault]))? {
                info!(expires_at = %date(current.expires_at()), "Certificate replaced");
                is_new = true;
            }
        }
        if self.bearers.replace(bearers) {
            info!("Tokens of scrapes and sources replaced");
            is_new = true;
        }
        if self.trust.replace(belief) {
            info!("Trust in substations replaced");
            is_new = true;
        }
        if let Some((current, chain)) = admin_chain
            && current
                .replace(chain)
                .map_err(|fault| faulty(source, vec![fault]))?
        {
            info!(expires_at = %date(current.expires_at()), "Certificate of the admin port replaced");
            is_new = true;
        }
        if let Some((current, token)) = token
            && current.replace(token)
        {
            info!("Admin token replaced");
            is_new = true;
        }
        Ok(is_new)
    }

    /// The tokens that requests of the proxy itself carry.
    #[must_use]
    pub fn bearers(&self) -> &Arc<Bearers> {
        &self.bearers
    }

    /// From now on `trust` believes and shows what the configuration says of substations.
    pub fn trust_with(&mut self, trust: &Arc<Trust>) {
        trust.take_from(&self.trust);
        self.trust = Arc::clone(trust);
    }

    /// The certificate for clients; `None` for plain HTTP.
    #[must_use]
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// The certificate of the admin port; `None` for plain HTTP.
    #[must_use]
    pub fn admin_certificates(&self) -> Option<&Arc<Certificates>> {
        self.admin_certificates.as_ref()
    }

    /// The token that operators must send; `None` if none is required.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }
}

fn read_bearers(config: &Config, faults: &mut Vec<Fault>) -> HashMap<PathBuf, Bearer> {
    let mut all = HashMap::new();
    for (path, file) in config.credentials_files() {
        if all.contains_key(file) {
            continue;
        }
        match Bearer::read(file) {
            Ok(token) => {
                all.insert(file.to_owned(), token);
            }
            Err(rule) => faults.push(Fault {
                path,
                value: format!("{:?}", file.display().to_string()),
                rule,
                line: None,
            }),
        }
    }
    all
}

/// What `upstream.tls` says to believe and to show. Without it, the system's authorities are read when they are needed.
fn belief(config: &Config, faults: &mut Vec<Fault>) -> Option<Belief> {
    let files = trust_files(config.upstream.tls.as_ref()?);
    let read = Belief::read(&files).map_err(|unreadable| Fault {
        path: format!("upstream.tls.{}", unreadable.which.key()),
        value: match file(&files, unreadable.which) {
            Some(file) => format!("{:?}", file.display().to_string()),
            None => String::new(),
        },
        rule: unreadable.rule,
        line: None,
    });
    ok_or_note(read, faults)
}

fn file(files: &TrustFiles, which: Which) -> Option<&PathBuf> {
    match which {
        Which::Ca => files.ca.as_ref(),
        Which::Certificate => files.certificate.as_ref(),
        Which::Key => files.key.as_ref(),
    }
}

/// The files that a client of TLS reads.
#[must_use]
pub fn trust_files(tls: &UpstreamTls) -> TrustFiles {
    TrustFiles {
        ca: match &tls.ca {
            Ca::System => None,
            Ca::File(file) => Some(file.clone()),
        },
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
    }
}

fn ok_or_note<T>(read: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn into_result(source: &str, faults: Vec<Fault>) -> Result<(), Error> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(faulty(source, faults))
}

fn faulty(source: &str, faults: Vec<Fault>) -> Error {
    Error::Faults(Faults::of_file(source.to_owned(), faults))
}

fn require_unchanged(path: &str, is_there: bool, is_wanted: bool, faults: &mut Vec<Fault>) {
    if is_there != is_wanted {
        faults.push(Fault {
            path: path.to_owned(),
            value: String::new(),
            rule: "can't be added or removed while the proxy runs: restart it".to_owned(),
            line: None,
        });
    }
}

#[cfg(test)]
mod tests;
