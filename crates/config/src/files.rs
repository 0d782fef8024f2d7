//! The proxy must not write into a file that it reads: an access log would append its lines to a configuration or a key.

use super::{
    AccessLogPath, Ca, Config, UpstreamTls,
    error::{Fault, note},
};
use std::{fs, path::Path};

impl Config {
    /// The access log, if it is a file.
    fn access_log_file(&self) -> Option<&Path> {
        match &self.access_log.as_ref()?.path {
            AccessLogPath::File(path) => Some(path),
            AccessLogPath::Stdout => None,
        }
    }

    /// The files that the proxy reads or keeps for itself, each with its key.
    fn other_files(&self) -> Vec<(String, &Path)> {
        let mut files: Vec<(String, &Path)> = self.credentials_files().collect();
        let tls = self.tls.as_ref();
        let admin = self.admin.tls.as_ref();
        for (key, file) in [
            ("state.file", self.state.as_ref().map(|state| &state.file)),
            ("clients_file", self.clients_file.as_ref()),
            ("tls.certificate", tls.map(|tls| &tls.certificate)),
            ("tls.key", tls.map(|tls| &tls.key)),
            ("tls.client_ca", tls.and_then(|tls| tls.client_ca.as_ref())),
            ("admin.token_file", self.admin.token_file.as_ref()),
            ("admin.tls.certificate", admin.map(|tls| &tls.certificate)),
            ("admin.tls.key", admin.map(|tls| &tls.key)),
            (
                "fleet.password_file",
                self.fleet
                    .as_ref()
                    .and_then(|fleet| fleet.password_file.as_ref()),
            ),
        ] {
            files.extend(file.map(|file| (key.to_owned(), file.as_path())));
        }
        let prometheus = self.load.prometheus.as_ref();
        let trusts = [
            ("upstream.tls".to_owned(), self.upstream.tls.as_ref()),
            (
                "load.prometheus.tls".to_owned(),
                prometheus.and_then(|prometheus| prometheus.tls.as_ref()),
            ),
        ];
        let sources = self.discovery.http_sd.iter().enumerate();
        let sources = sources.map(|(at, source)| {
            let section = format!("discovery.http_sd[{at}].tls");
            (section, source.tls.as_ref())
        });
        for (section, tls) in trusts.into_iter().chain(sources) {
            files.extend(tls.into_iter().flat_map(|tls| of_trust(&section, tls)));
        }
        files
    }
}

fn of_trust<'a>(section: &str, tls: &'a UpstreamTls) -> Vec<(String, &'a Path)> {
    let ca = match &tls.ca {
        Ca::System => None,
        Ca::File(file) => Some(file),
    };
    let files = [
        ("ca", ca),
        ("certificate", tls.certificate.as_ref()),
        ("key", tls.key.as_ref()),
    ];
    let named = files
        .into_iter()
        .filter_map(|(key, file)| Some((format!("{section}.{key}"), file?.as_path())));
    named.collect()
}

/// Notes an access log in a file that another key names.
pub(super) fn check(config: &Config, faults: &mut Vec<Fault>) {
    let Some(log) = config.access_log_file() else {
        return;
    };
    let others = config.other_files();
    if let Some((key, _)) = others.iter().find(|(_, file)| *file == log) {
        refuse(log, &format!("is {key} too"), faults);
    }
}

/// Notes an access log in the file that the configuration itself was read from.
pub(super) fn check_own(config: &Config, own: &Path, faults: &mut Vec<Fault>) {
    let Some(log) = config.access_log_file() else {
        return;
    };
    let whole = |path: &Path| fs::canonicalize(path).ok();
    if log == own || whole(log).is_some_and(|log| whole(own) == Some(log)) {
        refuse(log, "is the configuration itself", faults);
    }
}

fn refuse(log: &Path, what: &str, faults: &mut Vec<Fault>) {
    note(faults, || Fault {
        path: "access_log.path".to_owned(),
        value: format!("{:?}", log.display().to_string()),
        rule: format!("{what}, and lines would be added to it: write another file"),
        line: None,
    });
}
