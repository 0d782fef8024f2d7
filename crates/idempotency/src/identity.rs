//! The words in which processes speak of keys, charges and substations.

use std::{fmt, net::SocketAddr, str::FromStr, sync::Arc};

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

/// An `Idempotency-Key` as 128 bits of its SHA-256: it has the same size whatever clients send, it is the same in every
/// process, and no client can make two keys collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyHash(pub u128);

impl KeyHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(first_bytes(digest(&SHA256, key).as_ref()))
    }

    /// The hash of a key of the client with this name: the same key of another client has another hash, and so has the
    /// key where no client has a name.
    #[must_use]
    pub fn of_client(name: &str, key: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        // No name and no key has a zero.
        for part in [name.as_bytes(), &[0], key] {
            context.update(part);
        }
        Self(first_bytes(context.finish().as_ref()))
    }

    /// A number that stands for the key.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of the hash is a hash"
    )]
    pub fn number(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a charge asks for, as 64 bits of the SHA-256 of its fields: a key that comes with another charge is an error of
/// its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of these fields, in this order. A field that is not given differs from an empty one.
    #[must_use]
    pub fn of<'a>(fields: impl IntoIterator<Item = Option<&'a [u8]>>) -> Self {
        let mut context = Context::new(&SHA256);
        for field in fields {
            // The length keeps two fields apart, and u64::MAX is no field's.
            let length = field.map_or(u64::MAX, |field| field.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(field.unwrap_or_default());
        }
        let [first, _] = split(first_bytes(context.finish().as_ref()));
        Self(first)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A substation, as processes with the same configuration know it: by its name and its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HolderId {
    /// Its name, unique in the grid.
    pub name: Arc<str>,
    /// The address that it listens on.
    pub address: SocketAddr,
}

impl fmt::Display for HolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.address)
    }
}

impl FromStr for HolderId {
    type Err = NoHolder;

    fn from_str(text: &str) -> Result<Self, NoHolder> {
        let (name, address) = text.rsplit_once('@').ok_or(NoHolder)?;
        if name.is_empty() {
            return Err(NoHolder);
        }
        Ok(Self {
            name: name.into(),
            address: address.parse().map_err(|_| NoHolder)?,
        })
    }
}

/// The text names no substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no NAME@ADDRESS:PORT of a substation")]
pub struct NoHolder;

/// One attempt of one process to settle where a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asker {
    /// A random number of the process, drawn when it starts.
    pub process: u64,
    /// Counts the attempts of the process; never used twice.
    pub number: u64,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{:x}", self.process, self.number)
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claimed {
    /// This substation holds the key: the one that was proposed, or the one that had it already.
    Holder(HolderId),
    /// The key came with another charge before.
    Reused,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Released {
    /// No asker is left, so the key is free: another substation may be asked.
    Free,
    /// Another asker may still book at the holder, or has.
    Held,
}

fn first_bytes(digest: &[u8]) -> u128 {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = *from;
    }
    u128::from_be_bytes(first)
}

fn split(wide: u128) -> [u64; 2] {
    let bytes = wide.to_be_bytes();
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| half.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_same_hash_in_every_process() {
        // The first half of SHA-256("abc"), FIPS 180-2 B.1.
        let hash = KeyHash::of(b"abc").to_string();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(KeyHash::of(b"abc").number(), 0x4141_40de_5dae_2223);
    }

    #[test]
    fn the_same_key_of_two_clients_is_two_keys() {
        let of = |name| KeyHash::of_client(name, b"abc");
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), KeyHash::of(b"abc"));
        assert_ne!(of("ab"), KeyHash::of_client("a", b"babc"));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let of = |fields: &[Option<&str>]| {
            Fingerprint::of(fields.iter().map(|field| field.map(str::as_bytes)))
        };
        assert_eq!(of(&[Some("a"), None]), of(&[Some("a"), None]));
        for other in [
            &[Some("a"), Some("")][..],
            &[Some("a")],
            &[None, Some("a")],
            &[Some("ab"), None],
        ] {
            assert_ne!(of(&[Some("a"), None]), of(other), "{other:?}");
        }
    }

    #[test]
    fn a_charge_has_the_same_fingerprint_in_every_process() {
        // The first eight bytes of SHA-256 of 3 and u64::MAX in eight bytes each, with "abc" between them.
        let fingerprint = Fingerprint::of([Some(&b"abc"[..]), None]);
        assert_eq!(fingerprint.to_string(), "af8b7ea2be9eeebb");
    }

    #[test]
    fn a_holder_reads_back_as_written() {
        for text in [
            "a@127.0.0.1:1",
            "b.c-d@[::1]:65535",
            "10.0.0.1:5@10.0.0.1:5",
        ] {
            assert_eq!(text.parse::<HolderId>().unwrap().to_string(), text);
        }
        for text in ["", "a", "@127.0.0.1:1", "a@", "a@host:1", "a@127.0.0.1"] {
            assert_eq!(text.parse::<HolderId>(), Err(NoHolder), "{text}");
        }
    }

    #[test]
    fn an_asker_says_which_process_and_which_attempt() {
        let asker = Asker {
            process: 0xab,
            number: 0x1f,
        };
        assert_eq!(asker.to_string(), "00000000000000ab.1f");
    }
}
