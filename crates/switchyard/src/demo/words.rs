//! What the demo says before the rush hour and after it.

use std::{
    env,
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use requester::grouped;

use super::{
    Options,
    parts::{Moved, Substations},
};

/// What is about to happen, and where to look. `cars` is how many come.
pub(super) fn greeting(
    options: &Options,
    cars: usize,
    (charge, admin): (SocketAddr, SocketAddr),
    substations: &Substations,
    moved: &[Moved],
) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "Switchyard: {} cars in {}, those of {} of a day of {}, {}\n",
        grouped(cars),
        humantime::format_duration(options.duration),
        options.hours,
        grouped(options.sessions),
        if options.grid {
            "in a town of one transformer, three feeders and eight sites"
        } else {
            "on three substations of unequal capacity"
        },
    );
    let charge = format!("curl -X POST http://{charge}/request_charge -d '{{\"power_kw\": 22}}'");
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(text, "  {name:<11} {what}");
    };
    line("charge", &charge);
    line("status", &format!("http://{admin}/status"));
    line("metrics", &format!("http://{admin}/metrics"));
    for (substation, address) in substations.all.iter().zip(&substations.addresses) {
        line(substation.name(), &format!("http://{address}/metrics"));
    }
    if !moved.is_empty() {
        let each = moved
            .iter()
            .map(|Moved { usual, now }| format!("{usual} is now {}", now.port()));
        let each = each.collect::<Vec<_>>().join(", ");
        line("ports", &format!("the usual ones are in use: {each}"));
    }
    let _ = writeln!(text, "\n  Watch it live: http://{admin}/\n");
    text
}

/// What to do next. `stays` says that all goes on.
pub(super) fn farewell(report: &Path, admin: SocketAddr, stays: bool) -> String {
    let report = report.canonicalize().unwrap_or_else(|_| report.to_owned());
    let goes_on = if stays {
        format!("Proxy and substations go on: http://{admin}/ shows them, Ctrl-C ends them.")
    } else {
        "With --stay (make demo ARGS=--stay) proxy and substations go on until Ctrl-C.".to_owned()
    };
    let program = program(
        env::current_exe().ok(),
        env::current_dir().ok().as_deref(),
        env::var_os("PATH").iter().flat_map(env::split_paths),
    );
    format!(
        "HTML report: {}\n{goes_on}\nNext: `{program} run --help` says how to run the proxy in front of other substations.",
        report.display()
    )
}

/// How a shell in this folder calls this program: by its name if that finds it, otherwise by its path.
fn program(
    exe: Option<PathBuf>,
    folder: Option<&Path>,
    path: impl Iterator<Item = PathBuf>,
) -> String {
    let Some(exe) = exe else {
        return "switchyard".into();
    };
    let is_this = |found: &Path| found.canonicalize().is_ok_and(|found| found == exe);
    if let Some(name) = exe.file_name() {
        // The shell takes the first one.
        let first = path
            .map(|folder| folder.join(name))
            .find(|file| file.is_file());
        if first.is_some_and(|found| is_this(&found)) {
            return quoted(&name.to_string_lossy());
        }
    }
    let near = folder.and_then(|folder| exe.strip_prefix(folder).ok());
    let shown = match near {
        Some(near) if near.components().count() == 1 => format!("./{}", near.display()),
        Some(near) => near.display().to_string(),
        None => exe.display().to_string(),
    };
    quoted(&shown)
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests;
