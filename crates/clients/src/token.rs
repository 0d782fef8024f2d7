//! The tokens that clients send, and how one is found without saying anything of the others.
//!
//! What is kept of a token is its SHA-256, and what is compared is the SHA-256 of what was sent. So the time that a comparison
//! takes could say at most how far two hashes agree, which can't be chosen; and it does not say that either: a hash is
//! looked up by a hash with a random key of this process, and then compared whole, in constant time.

use std::hash::{Hash, Hasher};

use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;
use switchyard_http1::bearer;

/// The SHA-256 of a token.
#[derive(Clone, Copy)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl Digest {
    fn of(token: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(digest(&SHA256, token).as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash(hasher);
    }
}

/// What the `Authorization` headers of a request say.
#[derive(Clone, Copy)]
pub enum Sent<'a> {
    /// No token.
    Nothing,
    /// This token.
    Token(&'a [u8]),
    /// More than one: which one counts can't be known.
    Several,
}

impl<'a> Sent<'a> {
    /// Of these values of `Authorization`. Schemes other than `Bearer` say nothing here.
    pub fn of(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut tokens = values.filter_map(bearer);
        match (tokens.next(), tokens.next()) {
            (None, _) => Self::Nothing,
            (Some(token), None) => Self::Token(token),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// The hash of a token as it is looked up.
pub(crate) fn hashed(token: &[u8]) -> Digest {
    Digest::of(token)
}
