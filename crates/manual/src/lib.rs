//! A program's manual pages, made from its command line.
//!
//! The pages are committed in `docs/man`, and a test of each program compares them ([`check`]). So packages take them as
//! they are, whatever system they are for, and the programs that are shipped carry no generator.
//!
//! A command has a page of its own, as git's have: `switchyard-init(1)`.

mod page;

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::Path,
    process::{Command as Process, Stdio},
};

use clap::Command;
use switchyard_command_line::Section;

/// The variable with which the pages are written anew.
const UPDATE: &str = "UPDATE_MAN";

/// The prose of a page: of the program's, or of the command's with this name.
pub type Prose<'a> = &'a dyn Fn(Option<&str>) -> Vec<Section>;

/// The pages of a program, by the names of their files.
pub fn pages(program: Command, prose: Prose<'_>) -> io::Result<BTreeMap<String, String>> {
    // Options that all commands share are then told on each page.
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let name = program.get_name().to_owned();
    let shown = |command: &&Command| !command.is_hide_set();
    let commands: Vec<_> = program.get_subcommands().filter(shown).cloned().collect();
    let names: Vec<_> = commands
        .iter()
        .map(|command| format!("{name}-{}", command.get_name()))
        .collect();
    let mut pages = BTreeMap::new();
    pages.insert(
        format!("{name}.1"),
        page::page(program, &prose(None), &names)?,
    );
    for (command, whole) in commands.into_iter().zip(&names) {
        let sections = prose(Some(command.get_name()));
        let others = [vec![name.clone()], beside(&names, whole)].concat();
        pages.insert(
            format!("{whole}.1"),
            page::page(command, &sections, &others)?,
        );
    }
    Ok(pages)
}

fn beside(names: &[String], but: &str) -> Vec<String> {
    names.iter().filter(|name| *name != but).cloned().collect()
}

/// Compares the pages in `folder` with those of `program`, or writes them there if `UPDATE_MAN` is set. The names of all
/// files of the program there begin with its name.
///
/// Fails with what to do if a page differs, is missing, or is of no command.
pub fn check(folder: &Path, program: Command, prose: Prose<'_>) -> Result<(), String> {
    let name = program.get_name().to_owned();
    let fault = |error: io::Error| format!("{}: {error}", folder.display());
    let pages = pages(program, prose).map_err(fault)?;
    let mut there = BTreeMap::new();
    if env::var_os(UPDATE).is_some() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    for entry in fs::read_dir(folder).map_err(fault)? {
        let file = entry.map_err(fault)?.file_name();
        let file = file.to_string_lossy().into_owned();
        if file == format!("{name}.1") || file.starts_with(&format!("{name}-")) {
            let text = fs::read_to_string(folder.join(&file)).map_err(fault)?;
            there.insert(file, text);
        }
    }
    if env::var_os(UPDATE).is_some() {
        for file in there.keys().filter(|file| !pages.contains_key(*file)) {
            fs::remove_file(folder.join(file)).map_err(fault)?;
        }
        for (file, text) in &pages {
            fs::write(folder.join(file), text).map_err(fault)?;
        }
        return Ok(());
    }
    let other = pages.keys().chain(there.keys());
    let mut differing: Vec<_> = other
        .filter(|file| pages.get(*file) != there.get(*file))
        .map(String::as_str)
        .collect();
    differing.sort_unstable();
    differing.dedup();
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "docs/man: {} not as the command line says: write them by `make man`",
        differing.join(", ")
    ))
}

/// What the programs that show manual pages have to complain of in `page`; none is asked that is not installed. Returns
/// how many were asked.
pub fn lint(page: &Path) -> Result<usize, String> {
    // mandoc also warns of how clap_mangen writes, which readers do not see.
    let linters: [&[&str]; 2] = [
        &["groff", "-man", "-ww", "-z", "-Tutf8"],
        &["mandoc", "-Tlint", "-Werror"],
    ];
    let mut asked = 0;
    for linter in linters {
        let [program, arguments @ ..] = linter else {
            continue;
        };
        let mut process = Process::new(program);
        process.args(arguments).arg(page).stdin(Stdio::null());
        match process.output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{program}: {error}")),
            Ok(done) => {
                let said = [done.stdout, done.stderr].concat();
                if !done.status.success() || !said.is_empty() {
                    let said = String::from_utf8_lossy(&said).into_owned();
                    return Err(format!("{program} says of {}:\n{said}", page.display()));
                }
            }
        }
        asked += 1;
    }
    Ok(asked)
}
