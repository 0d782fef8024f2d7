//! A password, or a user with one.

use std::{fmt, sync::Arc};

/// A user, if one is named, and a password. Never printed, not even by `{:?}`.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) user: Option<Arc<str>>,
    pub(crate) password: Arc<str>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// Reads PASSWORD or USER:PASSWORD, on one line.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let line = text.trim_end_matches(['\r', '\n']);
        let (user, password) = match line.split_once(':') {
            Some((user, password)) => (Some(user), password),
            None => (None, line),
        };
        if password.is_empty() {
            return Err("is empty: write PASSWORD or USER:PASSWORD into it");
        }
        if password.contains(['\r', '\n']) {
            return Err("must be one line, with PASSWORD or USER:PASSWORD");
        }
        Ok(Self {
            user: user.filter(|user| !user.is_empty()).map(Arc::from),
            password: password.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_a_password_or_a_user_and_a_password() {
        for (text, user, password) in [
            ("secret", None, "secret"),
            ("secret\r\n", None, "secret"),
            ("proxy:secret\n", Some("proxy"), "secret"),
            ("proxy:a:b", Some("proxy"), "a:b"),
            (":a:b", None, "a:b"),
            (" spaces count ", None, " spaces count "),
        ] {
            let read = Credentials::parse(text).unwrap();
            assert_eq!(read.user.as_deref(), user, "{text:?}");
            assert_eq!(&*read.password, password, "{text:?}");
            assert_eq!(format!("{read:?}"), "Credentials");
        }
        for text in ["", "\n", "proxy:", "a\nb"] {
            assert!(Credentials::parse(text).is_err(), "{text:?}");
        }
    }
}
