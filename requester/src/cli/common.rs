//! The options that all kinds of load have.

use std::path::PathBuf;
use std::time::Duration;

use requester::{Access, AccessFiles, Check, Error, Label, Labels, Target, Watch};

/// The options that all kinds of load have.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommonArgs {
    /// Where to send requests, as http://HOST:PORT[/PATH], or with https. The default path is `/request_charge`.
    #[arg(long, value_name = "URL")]
    pub(super) target: Target,

    /// Seed of all random draws. The same seed offers the same requests at the same times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// The most connections open at once; each needs an open file (ulimit -n). They are opened when
    /// needed, and the one used last is used next.
    #[arg(long, value_name = "MAX", default_value_t = 10_000)]
    pub(super) connections: usize,

    /// Connect this many clients before the first request, and send requests from them in turn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) clients: usize,

    /// How long an answer may take once the request has left, with a unit.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(super) timeout: Duration,

    /// What cars ask for in a field of the body, as in plug=ccs:0.6,type2:0.4: each value with its
    /// weight, 1 if left out. See below. May be repeated.
    #[arg(long, value_name = "NAME=VALUE:WEIGHT,…", value_parser = Label::field, help_heading = "Cars")]
    field: Vec<Label>,

    /// The same in a header, as in x-zone=a:0.5,b:0.5.
    #[arg(long, value_name = "NAME=VALUE:WEIGHT,…", value_parser = Label::header, help_heading = "Cars")]
    header: Vec<Label>,

    /// Over https, trust the authorities in FILE (PEM), and not those of the system. It holds for all URLs here.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    ca: Option<PathBuf>,

    /// Over https, show the certificate in FILE (PEM) to servers that ask for one.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Access")]
    cert: Option<PathBuf>,

    /// The private key of --cert (PEM).
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Access")]
    key: Option<PathBuf>,

    /// Send the token in FILE with each request, as `Authorization: Bearer`.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    token_file: Option<PathBuf>,

    /// Send the token in FILE to the admin port.
    #[arg(long, value_name = "FILE", requires = "admin", help_heading = "Access")]
    admin_token_file: Option<PathBuf>,

    /// The proxy's admin port, as http://HOST:PORT. Scrapes its metrics during the run, and those
    /// of all substations that it knows.
    #[arg(long, value_name = "URL", help_heading = "Watching")]
    admin: Option<Target>,

    /// Scrape the metrics of a substation, as [NAME=]http://HOST:PORT. NAME is the name in its
    /// answers. May be repeated; not needed for substations that --admin knows.
    #[arg(long, value_name = "URL", value_parser = named_target, help_heading = "Watching")]
    substation: Vec<(String, Target)>,

    /// Interval between two scrapes, with a unit.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = humantime::parse_duration,
        help_heading = "Watching"
    )]
    watch_interval: Duration,

    /// Write the report as JSON to FILE, besides the summary on standard output; "-" writes JSON to
    /// standard output instead of the summary. The file appears complete or not at all.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) output: Option<PathBuf>,

    /// Write the report as a page to FILE: one HTML file that needs no network.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) report: Option<PathBuf>,

    /// Fail the run on a condition, such as 'p99>50ms' or 'errors>0.1%'. May be repeated. See
    /// below.
    #[arg(long, value_name = "CHECK", help_heading = "Reporting")]
    pub(crate) fail_if: Vec<Check>,

    /// Write the requests as CSV, which `replay` reads, and send nothing; "-" is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) offers: Option<PathBuf>,

    /// Show no progress on standard error.
    #[arg(long, help_heading = "Reporting")]
    pub(crate) quiet: bool,
}

impl CommonArgs {
    pub(super) fn labels(&self) -> Labels {
        Labels::new(self.field.iter().chain(&self.header).cloned())
    }

    /// What lets the requests in, or the file that does not fit.
    pub(super) fn access(&self) -> Result<Access, Error> {
        let files = AccessFiles {
            ca: self.ca.clone(),
            certificate: self.cert.clone().zip(self.key.clone()),
            token: self.token_file.clone(),
            admin_token: self.admin_token_file.clone(),
        };
        let mut watched = self.substation.iter().map(|(_, target)| target);
        let has_tls = self.target.is_tls()
            || self.admin.as_ref().is_some_and(Target::is_tls)
            || watched.any(Target::is_tls);
        Access::read(&files, has_tls)
    }

    pub(super) fn watch(&self) -> Watch {
        Watch {
            admin: self.admin.clone(),
            substations: self.substation.clone(),
            interval: self.watch_interval,
            feeders: Vec::new(),
        }
    }
}

fn named_target(text: &str) -> Result<(String, Target), String> {
    let parsed = |url: &str| url.parse::<Target>().map_err(|error| error.to_string());
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains('/') => {
            Ok((name.to_owned(), parsed(url)?))
        }
        _ => {
            let target = parsed(text)?;
            Ok((format!("{}:{}", target.host(), target.port()), target))
        }
    }
}
