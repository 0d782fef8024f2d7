//! `switchyard top`: the live page for a terminal, where there is no browser.
//!
//! It reads the same snapshots as the page does, from `/events`, so both say the same. One thread waits for snapshots, this
//! one for keys; whichever comes is shown. What is shown is a pure function of the [`View`], so it is tested without a
//! terminal. The terminal is left as it was found, also by a panic.

mod client;
mod format;
mod screen;
#[cfg(test)]
mod tests;
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

/// How soon a snapshot that came is shown, at the latest.
const SOON: Duration = Duration::from_millis(100);

/// What may be said about it.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The proxy's admin port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901")]
    admin: String,
    /// The file with the admin port's token, where it wants one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Why nothing could be shown.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is none.
    #[error("--admin {url}: {reason}; write it as in http://127.0.0.1:9901")]
    Address {
        /// As it was written.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token can't be had.
    #[error("can't read the token from {}: {source}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is none.
    #[error("this needs a terminal; for a pipe there are {0}/status and {0}/metrics")]
    NoTerminal(String),
    /// It does not do what a terminal does.
    #[error("the terminal fails: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the proxy until it is told to quit. Blocks.
pub fn run(options: &Options) -> Result<(), Error> {
    let client = AdminClient::new(&options.admin, options.token_file.as_deref())?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Error::NoTerminal(options.admin.clone()));
    }
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, &client);
    ratatui::restore();
    Ok(shown?)
}

fn show(terminal: &mut DefaultTerminal, client: &AdminClient) -> io::Result<()> {
    let (send, news) = mpsc::channel();
    client.follow(send)?;
    let mut view = View::new(client.address().to_owned());
    loop {
        view.extend(news.try_iter());
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
            Some(Command::Drain { name, is_draining }) => {
                view.report(client.drain(&name, is_draining));
            }
            None => {}
        }
    }
}
