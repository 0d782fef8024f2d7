//! The `switchyard` program: the command line around the proxy's library, and the demo.

mod cli;
mod demo;
mod help;
mod init;
mod output;
mod probe;
mod usage;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
