//! Advice on secrets that cross a network in clear text.

use super::{Advice, note_in};
use crate::Config;

impl Config {
    pub(super) fn on_credentials(&self, all: &mut Vec<Advice>) {
        let admin = &self.admin;
        if let Some(file) = &admin.token_file
            && admin.tls.is_none()
            && !admin.listen.ip().is_loopback()
        {
            note_in(all)(
                "admin.token_file",
                file.display().to_string(),
                format!(
                    "crosses the network in clear text, since admin.listen ({}) is not loopback, and commands the proxy \
                     in the hands of anyone who reads it there: set admin.tls",
                    admin.listen
                ),
            );
        }
    }
}
