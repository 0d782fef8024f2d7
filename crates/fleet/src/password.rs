//! What the proxy shows the store: a password, or a user with one.

use std::{fmt, io, sync::Arc};

use switchyard_bounded::file;

use crate::{ErrorKind, StoreError, options::Options};

/// The largest file, in bytes.
const LARGEST: usize = 4 << 10;

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
    /// Reads `fleet.password_file`. Called for each connection, so that a new password counts from the next one on:
    /// that is when the store asks for it.
    pub(crate) async fn read(options: &Options) -> Result<Option<Self>, StoreError> {
        let Some(path) = options.password_file.clone() else {
            return Ok(None);
        };
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || file::read_text(&path, LARGEST));
        let text = read.await.map_err(io::Error::other).flatten();
        let parsed = text
            .map_err(|error| format!("cannot be read: {error}"))
            .and_then(|text| Self::parse(&text).map_err(str::to_owned));
        parsed.map(Some).map_err(|rule| {
            let what = format!("gets no password, since fleet.password_file ({shown}) {rule}");
            StoreError::new(ErrorKind::Denied, options.shown(), what)
        })
    }

    /// Reads PASSWORD or USER:PASSWORD, on one line.
    fn parse(text: &str) -> Result<Self, &'static str> {
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
