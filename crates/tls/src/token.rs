//! The token that operators send, from a file.
//!
//! A client that reaches the admin port may drain substations. On loopback that is every user of the machine; on any
//! other address the client must have the token. The comparison takes constant time, so that its duration does not
//! reveal how much of a guess was right.

use std::{fmt, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use switchyard_config::Fault;
use switchyard_credentials::secret;
use switchyard_http1::bearer;

/// The shortest token, in bytes: below it, guessing comes into reach.
const SHORTEST: usize = 16;

/// The largest file of a token, in bytes: a header can't carry a longer one.
const LARGEST: usize = 4 << 10;

/// Why a request is not authorised.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unauthorized {
    /// It has no token.
    #[error(
        "this port requires a token: send `Authorization: Bearer` with the token in admin.token_file"
    )]
    NoToken,
    /// It has another token.
    #[error("the token does not match admin.token_file")]
    WrongToken,
}

/// The token in force. Never printed, not even by `{:?}`.
pub struct Token(ArcSwap<Vec<u8>>);

impl Token {
    /// Reads and checks the file.
    pub fn load(file: &Path) -> Result<Self, Fault> {
        let token = read(file).map_err(|rule| Fault {
            path: "admin.token_file".to_owned(),
            value: format!("{:?}", file.display().to_string()),
            rule,
            line: None,
        })?;
        Ok(Self(ArcSwap::from_pointee(token)))
    }

    /// Reads and checks the file again, and requires its token from the next request on. Returns whether the token
    /// differs. A fault changes nothing.
    pub fn reload(&self, file: &Path) -> Result<bool, Fault> {
        Self::load(file).map(|token| self.replace(token))
    }

    /// Requires `token` from the next request on. Returns whether it differs from the last.
    pub(super) fn replace(&self, token: Self) -> bool {
        let token = token.0.into_inner();
        let before = self.0.swap(Arc::clone(&token));
        before != token
    }

    /// Checks that a request with these headers carries the token.
    pub fn authorise(&self, headers: &HeaderMap) -> Result<(), Unauthorized> {
        let sent = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| bearer(value.as_bytes()));
        match sent {
            Some(sent) if sent.ct_eq(self.0.load().as_slice()).into() => Ok(()),
            Some(_) => Err(Unauthorized::WrongToken),
            None => Err(Unauthorized::NoToken),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let text = secret(file, LARGEST)?;
    let token = text.trim_ascii();
    if token.is_empty() {
        Err("is empty: write a token into it, as by `openssl rand -hex 32`".to_owned())
    } else if token.len() < SHORTEST {
        let length = token.len();
        Err(format!(
            "holds {length} characters: a token needs {SHORTEST} or more, as by `openssl rand -hex 32`"
        ))
    } else if !token.iter().all(u8::is_ascii_graphic) {
        Err("must be one line of visible ASCII, which is all that a header can carry".to_owned())
    } else {
        Ok(token.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http::HeaderValue;
    use tempfile::TempDir;

    use super::*;

    fn with(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_the_whole_token_with_its_scheme_is_accepted() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, " 0123456789abcdef\n").unwrap();
        let token = Token::load(&file).unwrap();
        for right in [
            "Bearer 0123456789abcdef",
            "bearer  0123456789abcdef ",
            "BEARER 0123456789abcdef",
        ] {
            assert!(token.authorise(&with(right)).is_ok(), "{right}");
        }
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdefg",
            "Bearer 0123456789ABCDEF",
            "Bearer0123456789abcdef",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "",
        ] {
            assert!(token.authorise(&with(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(
            token.authorise(&HeaderMap::new()),
            Err(Unauthorized::NoToken)
        );
        assert_eq!(
            token.authorise(&with("Bearer 0123456789abcdeg")),
            Err(Unauthorized::WrongToken)
        );
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn a_new_token_counts_at_once_and_an_invalid_one_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "0123456789abcdef").unwrap();
        let token = Token::load(&file).unwrap();
        assert_eq!(token.reload(&file), Ok(false));
        fs::write(&file, "fedcba9876543210").unwrap();
        assert_eq!(token.reload(&file), Ok(true));
        for (content, rule) in [
            ("", "is empty"),
            (" \n\t", "is empty"),
            ("0123456789abcde\n", "holds 15 characters"),
            ("0123456789 abcdef", "must be one line of visible ASCII"),
            ("0123456789abcdef\nfedcba9876543210", "must be one line"),
            ("0123456789äbcdef", "must be one line"),
        ] {
            fs::write(&file, content).unwrap();
            let fault = token.reload(&file).unwrap_err();
            assert_eq!(fault.path, "admin.token_file");
            assert!(fault.rule.starts_with(rule), "{content:?}: {fault}");
            assert!(!fault.to_string().contains("0123"), "{fault}");
        }
        fs::remove_file(&file).unwrap();
        assert!(
            token
                .reload(&file)
                .unwrap_err()
                .rule
                .starts_with("cannot be read")
        );
        assert!(token.authorise(&with("Bearer fedcba9876543210")).is_ok());
        assert!(token.authorise(&with("Bearer 0123456789abcdef")).is_err());
    }
}
