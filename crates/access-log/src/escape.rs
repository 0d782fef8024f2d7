//! Text of clients, made safe.
//!
//! Only visible ASCII and spaces are written as they are. Anything else could end a line, steer a terminal or turn the
//! direction of what follows on a screen; so it is escaped in the way of the format. Text is cut by its *escaped* length,
//! so that the length of a line is bounded whatever comes.

use crate::line::hex;

/// What stands behind text that was cut.
const CUT: &[u8] = b"...";

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

fn hex_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(br"\x");
    out.extend_from_slice(&hex(byte));
}

/// Whether nothing in it has to be escaped, in either form.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut escaped = 0;
    for word in words {
        escaped |= special(u64::from_le_bytes(*word));
    }
    // Those at the end once more, together with some before.
    if let Some(last) = text.last_chunk::<8>() {
        escaped |= special(u64::from_le_bytes(*last));
        return escaped & (EACH << 7) == 0;
    }
    rest.iter()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Sets the highest bit of bytes of this word if, and only if, one of its bytes has to be escaped.
const fn special(word: u64) -> u64 {
    let quotes = word ^ (EACH * b'"' as u64);
    let slashes = word ^ (EACH * b'\\' as u64);
    let deletes = word ^ (EACH * 0x7f);
    // Where a subtraction borrows from the byte above, there is one below that has to be escaped as well.
    let low = word.wrapping_sub(EACH * b' ' as u64) & !word;
    let same = (quotes.wrapping_sub(EACH) & !quotes)
        | (slashes.wrapping_sub(EACH) & !slashes)
        | (deletes.wrapping_sub(EACH) & !deletes);
    word | low | same
}

#[cfg(test)]
mod tests;
