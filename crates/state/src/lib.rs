//! What one process leaves to the next: over a handover, or in a file across a restart.
//!
//! A [`Container`] is a list of sections. Each belongs to a room of the proxy, has a name and a version of its own, and is
//! read or left out by itself: a new version that changes one section still reads the others.
//!
//! ```text
//! magic             8 bytes   says that it is ours
//! version           u16       of this layout
//! written           u64       milliseconds of the wall clock since 1970
//! count             u16       of the sections
//! each section:     length of its name u8, name, version u16, length u64, content
//! checksum          u32       CRC-32 of all before it
//! ```
//!
//! Numbers are big-endian. The content of a section is [postcard](https://postcard.jamesmunns.com), whose encoding is
//! specified and does not change. Nothing here is executed, nothing refers to memory, and no length is believed before
//! so many bytes are there: whatever is read, it takes at most as much memory as it is long, and a megabyte.
//!
//! [`StateFile`] keeps a container in a file of one process at a time.

mod container;
mod cpu;
mod error;
mod file;
mod magic;

pub use container::{Container, LARGEST, Section, Writer};
pub use cpu::cpu_time;
pub use error::{Fault, Refused, Unreadable};
pub use file::StateFile;

#[cfg(test)]
mod tests;
