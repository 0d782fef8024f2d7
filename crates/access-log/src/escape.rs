//! Text of clients, made safe.
//!
//! Only visible ASCII and spaces are written as they are. Anything else could end a line, steer a terminal or turn the
//! direction of what follows on a screen; so it is escaped in the way of the format. Text is cut by its *escaped* length,
//! so that the length of a line is bounded whatever comes.

use std::{io::Write, net::IpAddr};

/// What stands behind text that was cut.
const CUT: &[u8] = b"...";
const HEX: [u8; 16] = *b"0123456789abcdef";

/// Writes `text` as the inside of a JSON string, of at most `longest` bytes. What is no UTF-8 becomes U+FFFD.
pub(crate) fn json(out: &mut Vec<u8>, text: &[u8], longest: usize) {
    if is_plain(text) && text.len() <= longest {
        out.extend_from_slice(text);
        return;
    }
    let end = out.len() + longest.saturating_sub(CUT.len());
    let mut put = |piece: &[u8]| {
        let fits = out.len() + piece.len() <= end;
        out.extend_from_slice(if fits { piece } else { CUT });
        fits
    };
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let fits = match character {
                '"' => put(br#"\""#),
                '\\' => put(br"\\"),
                ' '..='~' => put(character.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => {
                    let mut units = [0; 2];
                    let mut escaped = Vec::with_capacity(12);
                    for unit in character.encode_utf16(&mut units) {
                        let [high, low] = unit.to_be_bytes();
                        escaped.extend_from_slice(br"\u");
                        escaped.extend(hex(high).into_iter().chain(hex(low)));
                    }
                    put(&escaped)
                }
            };
            if !fits {
                return;
            }
        }
        if !chunk.invalid().is_empty() && !put(br"\ufffd") {
            return;
        }
    }
}

/// Writes `text` as Apache escapes it within quotes, of at most `longest` bytes.
pub(crate) fn apache(out: &mut Vec<u8>, text: &[u8], longest: usize) {
    if is_plain(text) && text.len() <= longest {
        out.extend_from_slice(text);
        return;
    }
    let end = out.len() + longest.saturating_sub(CUT.len());
    for byte in text {
        let before = out.len();
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => hex_escape(out, *byte),
        }
        if out.len() > end {
            out.truncate(before);
            out.extend_from_slice(CUT);
            return;
        }
    }
}

/// Writes `text` as a field without quotes: like [`apache`], with its spaces escaped as well.
pub(crate) fn word(out: &mut Vec<u8>, text: &str, longest: usize) {
    let begin = out.len();
    apache(out, text.as_bytes(), longest);
    let written = out.split_off(begin);
    for byte in written {
        match byte {
            b' ' => hex_escape(out, byte),
            byte => out.push(byte),
        }
    }
}

/// The two digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xf].map(|digit| HEX.get(usize::from(digit)).copied().unwrap_or(b'0'))
}

fn hex_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(br"\x");
    out.extend_from_slice(&hex(byte));
}

/// Whether nothing in it has to be escaped, in either form.
fn is_plain(text: &[u8]) -> bool {
    // Numbers without an early end, so that the compiler takes many bytes at once.
    let mut escaped = 0;
    for byte in text {
        escaped |= u8::from(!matches!(byte, b' '..=b'~'))
            | u8::from(*byte == b'"')
            | u8::from(*byte == b'\\');
    }
    escaped == 0
}

/// Writes a whole number.
pub(crate) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes an address.
pub(crate) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                number(out, octet);
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// Writes a number that may have a fraction, as short as it is exact.
pub(crate) fn decimal(out: &mut Vec<u8>, value: f64) {
    /// Up to here every whole number is exact.
    const WHOLE: f64 = 9e15;
    if value.fract() == 0.0 && value.abs() < WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in range")]
        number(out, value as i64);
    } else {
        // Writing to memory does not fail.
        let _ = write!(out, "{value}");
    }
}

#[cfg(test)]
mod tests;
