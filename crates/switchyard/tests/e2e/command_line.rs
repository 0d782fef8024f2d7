//! The command line beside its commands: completions in a real shell, what `--version` says.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

const SWITCHYARD: &str = env!("CARGO_BIN_EXE_switchyard");

fn switchyard(arguments: &[&str]) -> Output {
    let output = Command::new(SWITCHYARD).args(arguments).output();
    output.unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// What `shell` prints for a script, if it is installed.
fn run(shell: &str, arguments: &[&str], script: &str) -> Option<String> {
    let mut child = Command::new(shell)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success() && err.is_empty(), "{shell}: {err}");
    Some(out)
}

#[test]
fn bash_completes_a_command_an_option_and_its_values() {
    let complete = |words: &str| {
        let script = format!(
            "set -eu\n. <('{SWITCHYARD}' completions bash)\n\
             COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMPREPLY=()\n\
             current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n\
             _switchyard switchyard \"$current\" \"$before\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let out = run("bash", &["--norc"], &script).expect("bash is installed wherever make is");
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("switchyard heal"), ["healthcheck"]);
    assert_eq!(complete("switchyard run --upgrade-s"), ["--upgrade-socket"]);
    let shells = complete("switchyard completions ''");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(shells.iter().any(|one| one == shell), "{shell}: {shells:?}");
    }
}

#[test]
fn zsh_and_fish_complete_a_command_where_they_are_installed() {
    let fish = format!(
        "'{SWITCHYARD}' completions fish | source\ncomplete --do-complete 'switchyard heal'\n"
    );
    match run("fish", &["--no-config"], &fish) {
        Some(out) => assert!(out.starts_with("healthcheck"), "{out}"),
        None => println!("skipped: fish is not installed"),
    }
    // What completes needs a terminal: that zsh takes the script, and knows it as switchyard's, is what can be seen.
    let zsh = format!(
        "autoload -Uz compinit && compinit -D -u && . <('{SWITCHYARD}' completions zsh) && print $_comps[switchyard]\n"
    );
    match run("zsh", &["-f"], &zsh) {
        Some(out) => assert_eq!(out, "_switchyard\n"),
        None => println!("skipped: zsh is not installed"),
    }
}

#[test]
fn every_shell_has_a_script_and_another_word_is_wrong_usage() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = switchyard(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(text(output.stdout).contains("healthcheck"), "{shell}");
    }
    for wrong in [&["completions"][..], &["completions", "csh"]] {
        assert_eq!(switchyard(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure_of_completions() {
    let mut child = Command::new(SWITCHYARD)
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(output.stderr)),
        (Some(0), String::new())
    );
}

#[test]
fn version_is_one_line_in_short_and_says_features_at_length() {
    let [short, long] = ["-V", "--version"].map(|flag| {
        let output = switchyard(&[flag]);
        assert!(output.status.success());
        text(output.stdout)
    });
    let begins = concat!("switchyard ", env!("CARGO_PKG_VERSION"), " (");
    assert!(
        short.starts_with(begins) && short.lines().count() == 1,
        "{short}"
    );
    assert!(
        long.starts_with(begins) && long.contains("; tls, http2, "),
        "{long}"
    );
}
