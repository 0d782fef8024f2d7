//! The command that writes a script for a shell.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Where each shell looks for the script of a program, for `--help`.
const WHERE: &str = "\
To use it at once, and in every shell from now on:
  bash         source <(PROGRAM completions bash)
               PROGRAM completions bash > ~/.local/share/bash-completion/completions/PROGRAM
  zsh          source <(PROGRAM completions zsh)
               PROGRAM completions zsh > ~/.zfunc/_PROGRAM      (with fpath+=~/.zfunc before compinit)
  fish         PROGRAM completions fish | source
               PROGRAM completions fish > ~/.config/fish/completions/PROGRAM.fish
  elvish       eval (PROGRAM completions elvish | slurp)
  powershell   PROGRAM completions powershell | Out-String | Invoke-Expression";

/// Print a script that completes this program's commands and options in a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = WHERE)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Writes the script for `command`. That the reader of a pipe has closed it is no failure.
    pub fn write(&self, mut command: Command) -> io::Result<()> {
        let program = command.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut command, program, &mut script);
        match io::stdout().lock().write_all(&script) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}
