//! A token that requests of this process carry, read from a file.
//!
//! It is never printed, not even by `{:?}`, and its sender decides to which server.

use std::{collections::HashMap, fmt, path::Path, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use http::HeaderValue;

use crate::secret::secret;

/// The largest file of a token, in bytes: a header can't carry a longer one.
const LARGEST: usize = 4 << 10;

/// The value of an `Authorization` header. See the [module](self).
#[derive(Clone, Eq, PartialEq)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// Reads the file, or says which rule it breaks, as what follows the file's name.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = secret(file, LARGEST)?;
        let token = text.trim_ascii();
        if token.is_empty() {
            return Err("is empty: write the token into it that the server asks for".to_owned());
        }
        let invisible =
            || "must be one line of visible ASCII, which is all that a header can carry".to_owned();
        if !token.iter().all(u8::is_ascii_graphic) {
            return Err(invisible());
        }
        let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat());
        let mut value = value.map_err(|_| invisible())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The header's value, which is marked as sensitive.
    #[must_use]
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer")
    }
}

/// The tokens in force, by their files. All are replaced at once.
#[derive(Debug, Default)]
pub struct Bearers(ArcSwap<HashMap<PathBuf, Bearer>>);

impl Bearers {
    /// The token of this file, if it is one of those in force.
    #[must_use]
    pub fn get(&self, file: &Path) -> Option<Bearer> {
        self.0.load().get(file).cloned()
    }

    /// Uses these tokens and no others from now on. Returns whether any differs.
    pub fn replace(&self, all: HashMap<PathBuf, Bearer>) -> bool {
        let is_new = **self.0.load() != all;
        if is_new {
            self.0.store(Arc::new(all));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_token_is_one_line_and_is_never_printed() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, " sesame\n").unwrap();
        let token = Bearer::read(&file).unwrap();
        assert_eq!(token.value(), "Bearer sesame");
        assert!(!format!("{token:?} {:?}", token.value()).contains("sesame"));
        for (content, rule) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("one\ntwo", "must be one line"),
            ("b\u{fc}rger", "must be one line"),
            ("a\0b", "must be one line"),
        ] {
            fs::write(&file, content).unwrap();
            let refused = Bearer::read(&file).unwrap_err();
            assert!(refused.starts_with(rule), "{content:?}: {refused}");
            assert!(!refused.contains("two"), "{refused}");
        }
        fs::remove_file(&file).unwrap();
        assert!(
            Bearer::read(&file)
                .unwrap_err()
                .starts_with("cannot be read")
        );
    }

    #[test]
    fn all_tokens_are_replaced_at_once() {
        let folder = TempDir::new().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        fs::write(&one, "1").unwrap();
        let token = Bearer::read(&one).unwrap();
        let bearers = Bearers::default();
        assert!(bearers.replace(HashMap::from([(one.clone(), token.clone())])));
        assert!(!bearers.replace(HashMap::from([(one.clone(), token.clone())])));
        assert_eq!(bearers.get(&one), Some(token.clone()));
        assert!(bearers.replace(HashMap::from([(two.clone(), token)])));
        assert_eq!(bearers.get(&one), None);
    }
}
