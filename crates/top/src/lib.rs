//! `switchyard top`: the live page for a terminal.
//!
//! It reads the same snapshots as the page, from `/events`, so both show the same. One thread waits
//! for snapshots, the main thread waits for keys and draws. The screen is a pure function of the
//! [`View`], so it is tested without a terminal. The terminal is restored at the end, also after a
//! panic.

mod bar;
mod choices;
mod client;
mod figures;
mod format;
mod level;
mod screen;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod view;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::mpsc,
    time::Duration,
};

use clap::Args;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use thiserror::Error;

use client::AdminClient;
use view::{Command, View};

/// The longest time until a new snapshot is shown.
const SOON: Duration = Duration::from_millis(100);

/// The options of `switchyard top`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The address of the proxy's admin port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901")]
    admin: String,
    /// The file with the admin port's token, if it requires one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// With https, the authorities that may have signed the admin port's certificate (PEM); by default those of the
    /// system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// With https, the name that the certificate is for, if the URL has another
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

/// Why `switchyard top` failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is invalid.
    #[error(
        "--admin {url}: {reason}; write it as in http://127.0.0.1:9901, or with https where admin.tls is set"
    )]
    Address {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What to trust can't be read.
    #[error("{0}")]
    Trust(String),
    /// The token can't be read.
    #[error("can't read the token from {}: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
    /// Input or output is no terminal. The value is the address of the admin port.
    #[error("this needs a terminal; a script can read {0}/status and {0}/metrics")]
    NoTerminal(String),
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the proxy until the user quits. Blocks.
pub fn run(options: &Options) -> Result<(), Error> {
    let client = AdminClient::new(options)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Error::NoTerminal(options.admin.clone()));
    }
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, &client);
    ratatui::restore();
    Ok(shown?)
}

fn show(terminal: &mut DefaultTerminal, client: &AdminClient) -> io::Result<()> {
    let (send, updates) = mpsc::channel();
    client.follow(send)?;
    let mut view = View::new(client.address().to_owned());
    loop {
        view.extend(updates.try_iter());
        terminal.draw(|frame| screen::draw(frame, &mut view))?;
        if !event::poll(SOON)? {
            continue;
        }
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match view.key(key) {
            Some(Command::Quit) => return Ok(()),
            Some(Command::Drain(order)) => view.report(client.drain(&order)),
            None => {}
        }
    }
}
