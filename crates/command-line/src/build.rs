//! What a program was built from, and with what.

use std::fmt::{self, Write};

/// What a program was built from, and with what. Made by [`build!`](crate::build!).
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The version of its package.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub commit: &'static str,
    /// The date of the commit, or nothing.
    pub date: &'static str,
    /// The target, as in `x86_64-unknown-linux-gnu`.
    pub target: &'static str,
    /// The profile, as in `release`.
    pub profile: &'static str,
    /// What the program can do that a build may lack.
    pub features: &'static [&'static str],
}

/// The [`Build`] of the package that expands this, whose build script calls `switchyard_revision::emit`. The argument
/// is the list of features.
#[macro_export]
macro_rules! build {
    ($features:expr) => {
        $crate::Build {
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("SWITCHYARD_BUILT_FROM"),
            date: env!("SWITCHYARD_BUILT_ON"),
            target: env!("SWITCHYARD_BUILT_FOR"),
            profile: env!("SWITCHYARD_BUILT_AS"),
            features: $features,
        }
    };
}

impl Build {
    /// What `-V` says: `0.1.0 (1d126c63, 2026-11-30)`.
    #[must_use]
    pub fn short(&self) -> String {
        self.said(&[])
    }

    /// What `--version` says: features, target and profile as well.
    #[must_use]
    pub fn long(&self) -> String {
        let first = self.said(self.features);
        format!("{first}\n{}, profile {}", self.target, self.profile)
    }

    fn said(&self, features: &[&str]) -> String {
        let mut said = format!("{} ({}", self.version, Commit(self));
        let mut before = "; ";
        for feature in features {
            // Writing to a text does not fail.
            let _ = write!(said, "{before}{feature}");
            before = ", ";
        }
        said.push(')');
        said
    }
}

struct Commit<'a>(&'a Build);

impl fmt::Display for Commit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.commit, self.0.date) {
            ("unknown", "") => f.write_str("commit unknown"),
            ("unknown", date) => write!(f, "commit unknown, {date}"),
            (commit, "") => f.write_str(commit),
            (commit, date) => write!(f, "{commit}, {date}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_nothing_is_made_up() {
        for (commit, date, short, long) in [
            (
                "1d126c63",
                "2026-11-30",
                "0.1.0 (1d126c63, 2026-11-30)",
                "0.1.0 (1d126c63, 2026-11-30; tls, http2)\nm68k, profile dist",
            ),
            (
                "v1",
                "",
                "0.1.0 (v1)",
                "0.1.0 (v1; tls, http2)\nm68k, profile dist",
            ),
            (
                "unknown",
                "",
                "0.1.0 (commit unknown)",
                "0.1.0 (commit unknown; tls, http2)\nm68k, profile dist",
            ),
        ] {
            let build = Build {
                version: "0.1.0",
                commit,
                date,
                target: "m68k",
                profile: "dist",
                features: &["tls", "http2"],
            };
            assert_eq!((build.short(), build.long()), (short.into(), long.into()));
        }
    }
}
