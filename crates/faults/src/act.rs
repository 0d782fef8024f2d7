//! What a scripted substation does with a request.

use std::time::Duration;

/// What to do with a request. Bytes are those of the wire, head and body.
#[derive(Clone, Debug)]
pub enum Act {
    /// Write these bytes and keep the connection.
    Write(Vec<u8>),
    /// Write these bytes and close the connection.
    WriteAndClose(Vec<u8>),
    /// Write these bytes and reset the connection.
    WriteAndReset(Vec<u8>),
    /// Write these bytes one by one with a pause before each, and keep the connection.
    Drip(Vec<u8>, Duration),
    /// Write nothing, and keep the connection open until the client closes it or sends more; then close it.
    Hang,
}
