//! What the proxy proves its name with, and what operators prove theirs with: the files that a configuration
//! names, read at start and again while it runs.
//!
//! Both are replaced together or not at all: a reload first reads and checks everything, and only then swaps.
//! Whether there *is* TLS or a token can't change without a restart, since the ports were bound for it: an admin port
//! that other machines reach must never find itself without its token.

use std::sync::Arc;

use switchyard_config::{Config, Error, Fault, Faults};
use tracing::info;

use crate::{certificates::Certificates, chain::Chain, token::Token};

/// The certificate and the token in force, as far as the configuration asks for them.
#[derive(Debug, Default)]
pub struct Credentials {
    certificates: Option<Arc<Certificates>>,
    token: Option<Arc<Token>>,
}

impl Credentials {
    /// Reads what the configuration names; `source` is what messages call the latter.
    pub fn load(config: &Config, source: &str) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let certificates = config
            .tls
            .as_ref()
            .and_then(|files| ok_or_note(Certificates::load(files), &mut faults));
        let token = config
            .admin
            .token_file
            .as_ref()
            .and_then(|file| ok_or_note(Token::load(file), &mut faults));
        into_result(source, faults)?;
        Ok(Self {
            certificates: certificates.map(Arc::new),
            token: token.map(Arc::new),
        })
    }

    /// Reads everything anew, as `config` names it now, and puts it in force. Whether anything is different.
    /// After a fault all is as it was.
    pub fn reload(&self, config: &Config, source: &str) -> Result<bool, Error> {
        let mut faults = Vec::new();
        let chain = match (&self.certificates, &config.tls) {
            (Some(shown), Some(files)) => {
                ok_or_note(Chain::read(files), &mut faults).map(|chain| (shown, chain))
            }
            (shown, files) => {
                require_unchanged("tls", shown.is_some(), files.is_some(), &mut faults);
                None
            }
        };
        let token = match (&self.token, &config.admin.token_file) {
            (Some(asked), Some(file)) => {
                ok_or_note(Token::load(file), &mut faults).map(|token| (asked, token))
            }
            (asked, file) => {
                let path = "admin.token_file";
                require_unchanged(path, asked.is_some(), file.is_some(), &mut faults);
                None
            }
        };
        into_result(source, faults)?;
        let mut is_other = false;
        if let Some((shown, chain)) = chain
            && shown.replace(chain)
        {
            info!(expires_at = shown.expires_at(), "Certificate replaced");
            is_other = true;
        }
        if let Some((asked, token)) = token
            && asked.replace(token)
        {
            info!("Admin token replaced");
            is_other = true;
        }
        Ok(is_other)
    }

    /// What clients are shown; `None` where they speak plain HTTP.
    #[must_use]
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// What operators have to show; `None` where nothing is asked of them.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }
}

fn ok_or_note<T>(read: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn into_result(source: &str, faults: Vec<Fault>) -> Result<(), Error> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Faults(Faults {
        source_name: source.to_owned(),
        faults,
    }))
}

fn require_unchanged(path: &str, is_there: bool, is_wanted: bool, faults: &mut Vec<Fault>) {
    if is_there != is_wanted {
        faults.push(Fault {
            path: path.to_owned(),
            value: String::new(),
            rule: "can't come or go while the proxy runs: restart it".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests;
