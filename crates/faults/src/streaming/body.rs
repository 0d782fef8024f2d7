//! Reads the body of a request by its framing.

use std::io::{self, BufRead};

use crate::scripted::header;

/// Reads the body that the head announces, and gives `note` each piece of it.
pub(super) fn read(
    reader: &mut impl BufRead,
    head: &str,
    mut note: impl FnMut(&[u8]),
) -> io::Result<()> {
    if header(head, "transfer-encoding").is_some() {
        loop {
            let length = chunk_length(reader)?;
            exactly(reader, length, &mut note)?;
            // Its line end; behind the last chunk, the end of trailers, of which there are none.
            exactly(reader, 2, &mut |_| {})?;
            if length == 0 {
                return Ok(());
            }
        }
    }
    let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
    exactly(reader, length, &mut note)
}

fn chunk_length(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    usize::from_str_radix(line.trim_end(), 16).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn exactly(
    reader: &mut impl BufRead,
    length: usize,
    note: &mut impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut rest = length;
    let mut piece = [0; 16 * 1024];
    while rest > 0 {
        let most = rest.min(piece.len());
        let read = reader.read(&mut piece[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        note(&piece[..read]);
        rest -= read;
    }
    Ok(())
}
