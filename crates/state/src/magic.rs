//! How every state begins.

/// Says that it is ours.
pub(crate) const MAGIC: [u8; 8] = *b"SWYSTATE";

/// Whether these first bytes are those of a state, as far as they go.
pub(crate) fn begins_as_ours(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).all(|(is, should)| *is == should)
}
