//! The layout of a state.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Refused, Unreadable,
    magic::{MAGIC, begins_as_ours},
};

/// The version of the layout around the sections.
const VERSION: u16 = 1;
/// The largest state: a few million keys, and a hundred times a grid of ten thousand.
pub const LARGEST: usize = 1 << 30;
/// The most sections.
const MOST_SECTIONS: u16 = 64;
/// The place of the number of sections.
const COUNT_AT: usize = 8 + 2 + 8;
/// There is no room for a section.
const FULL: postcard::Error = postcard::Error::SerializeBufferFull;
/// The length of what follows the last section.
const CHECKSUM: usize = 4;

/// Writes a state.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    count: u16,
}

impl Writer {
    /// Begins a state that is written at this time of the wall clock.
    #[must_use]
    pub fn new(written: SystemTime) -> Self {
        let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(millis.to_be_bytes());
        bytes.extend(0_u16.to_be_bytes());
        Self { bytes, count: 0 }
    }

    /// Adds a section. If it can't be encoded, or there is no room for it, nothing is added.
    pub fn add<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        version: u16,
        content: &T,
    ) -> Result<(), postcard::Error> {
        let length = u8::try_from(name.len()).map_err(|_| FULL)?;
        if self.count >= MOST_SECTIONS {
            return Err(FULL);
        }
        let begun = self.bytes.len();
        self.bytes.push(length);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(version.to_be_bytes());
        let length_at = self.bytes.len();
        self.bytes.extend(0_u64.to_be_bytes());
        let content_at = self.bytes.len();
        let written = postcard::to_extend(content, Appended(&mut self.bytes)).map(|_| ());
        let is_too_large = self.bytes.len() + CHECKSUM > LARGEST;
        if written.is_err() || is_too_large {
            self.bytes.truncate(begun);
            return written.and(Err(FULL));
        }
        let length = u64::try_from(self.bytes.len() - content_at).unwrap_or(u64::MAX);
        self.put(length_at, &length.to_be_bytes());
        self.count += 1;
        Ok(())
    }

    /// The bytes of the state.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let count = self.count.to_be_bytes();
        self.put(COUNT_AT, &count);
        let checksum = crc32fast::hash(&self.bytes);
        self.bytes.extend(checksum.to_be_bytes());
        self.bytes
    }

    fn put(&mut self, at: usize, what: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + what.len()) {
            place.copy_from_slice(what);
        }
    }
}

/// Adds to the bytes of a writer, which stay with it if the encoding fails.
struct Appended<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Appended<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

/// A state that was read: all of it is there, and none of it is damaged.
#[derive(Debug)]
pub struct Container<'a> {
    /// The wall clock when it was written.
    pub written: SystemTime,
    sections: Vec<Section<'a>>,
}

/// One section of a state.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// Which room of the proxy it belongs to.
    pub name: &'a str,
    version: u16,
    content: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads a state. Its sections are not decoded yet.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
        let cut = Refused::Cut(bytes.len());
        if bytes.len() > LARGEST {
            return Err(Refused::TooLarge { most: LARGEST });
        }
        if !begins_as_ours(bytes) {
            return Err(Refused::Foreign);
        }
        let mut rest = Rest(bytes);
        let Some((_, version)) = rest.take(MAGIC.len()).zip(rest.u16()) else {
            return Err(cut);
        };
        if version != VERSION {
            return Err(Refused::Version {
                found: version,
                ours: VERSION,
            });
        }
        let Some((sealed, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else {
            return Err(cut);
        };
        let (found, computed) = (u32::from_be_bytes(*checksum), crc32fast::hash(sealed));
        if found != computed {
            return Err(Refused::Damaged { found, computed });
        }
        // From here on the bytes are as they were written, by whoever wrote them.
        rest.0 = sealed.get(MAGIC.len() + 2..).unwrap_or_default();
        Self::parse(rest)
    }

    fn parse(mut rest: Rest<'a>) -> Result<Self, Refused> {
        let short = Refused::Malformed("a length reaches beyond its end");
        let Some((millis, count)) = rest.u64().zip(rest.u16()) else {
            return Err(short);
        };
        if count > MOST_SECTIONS {
            return Err(Refused::Malformed("it has too many sections"));
        }
        let written = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        let written = written.ok_or(Refused::Malformed("its time is none"))?;
        let mut sections = Vec::with_capacity(count.into());
        for _ in 0..count {
            let Some(section) = rest.section() else {
                return Err(short);
            };
            sections.push(section);
        }
        if !rest.0.is_empty() {
            return Err(Refused::Malformed("something follows its last section"));
        }
        Ok(Self { written, sections })
    }

    /// The section with this name, if it has one.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<Section<'a>> {
        let mut sections = self.sections.iter();
        sections.find(|section| section.name == name).copied()
    }

    /// Its sections.
    pub fn sections(&self) -> impl Iterator<Item = Section<'a>> {
        self.sections.iter().copied()
    }
}

impl Section<'_> {
    /// Decodes it, if it has this version.
    pub fn decode<T: DeserializeOwned>(&self, version: u16) -> Result<T, Unreadable> {
        if self.version != version {
            return Err(Unreadable::Version {
                found: self.version,
                ours: version,
            });
        }
        let (value, rest) = postcard::take_from_bytes(self.content).map_err(Unreadable::Content)?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(Unreadable::Rest(rest.len()))
        }
    }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn section(&mut self) -> Option<Section<'a>> {
        let [length] = self.array()?;
        let name = str::from_utf8(self.take(length.into())?).ok()?;
        let version = self.u16()?;
        let length = usize::try_from(self.u64()?).ok()?;
        let content = self.take(length)?;
        Some(Section {
            name,
            version,
            content,
        })
    }
}
