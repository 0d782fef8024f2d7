//! Memory that a line is made in, and how numbers are written there.
//!
//! A line has some fifty pieces, most of them shorter than what it takes to copy them. So the room for the longest line is
//! there beforehand, the pieces that are always the same are of known lengths, and a line is copied to the others once.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use crate::LONGEST_LINE;

const HEX: [u8; 16] = *b"0123456789abcdef";

/// A line that is being made.
#[derive(Debug)]
pub(crate) struct Line<'m> {
    room: &'m mut [u8; LONGEST_LINE],
    length: usize,
}

impl<'m> Line<'m> {
    pub(crate) fn new(room: &'m mut [u8; LONGEST_LINE]) -> Self {
        Self { room, length: 0 }
    }

    /// What is written.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }

    /// Writes what is always the same.
    #[inline]
    pub(crate) fn put<const N: usize>(&mut self, piece: &[u8; N]) {
        let room = self.room.get_mut(self.length..);
        if let Some(room) = room.and_then(|room| room.first_chunk_mut()) {
            *room = *piece;
            self.length += N;
        }
    }

    /// Writes a text as it is.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) {
        let room = self.room.get_mut(self.length..self.length + text.len());
        if let Some(room) = room {
            copy(text, room);
            self.length += text.len();
        }
    }

    /// Writes the two digits of a byte.
    #[inline]
    pub(crate) fn hex(&mut self, byte: u8) {
        self.put(&hex(byte));
    }

    /// Writes a whole number.
    #[inline]
    pub(crate) fn number(&mut self, number: impl itoa::Integer + TryInto<u8> + Copy) {
        match number.try_into() {
            Ok(octet) => self.octet(octet),
            Err(_) => self.text(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// Writes an address.
    #[inline]
    pub(crate) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [first, rest @ ..] = address.octets();
                self.octet(first);
                for octet in rest {
                    self.put(b".");
                    self.octet(octet);
                }
            }
            // Writing to memory does not fail.
            IpAddr::V6(address) => drop(write!(self, "{address}")),
        }
    }

    #[inline]
    fn octet(&mut self, octet: u8) {
        let [tens, ones] = pair(octet % 100);
        match octet {
            100.. => self.put(&[b'0' + octet / 100, tens, ones]),
            10.. => self.put(&[tens, ones]),
            _ => self.put(&[ones]),
        }
    }

    /// Writes a number that may have a fraction, as short as it is exact.
    pub(crate) fn decimal(&mut self, value: f64) {
        /// Up to here every whole number is exact.
        const WHOLE: f64 = 9e15;
        if value.fract() == 0.0 && value.abs() < WHOLE {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in range")]
            self.number(value as i64);
        } else {
            // Writing to memory does not fail.
            let _ = write!(self, "{value}");
        }
    }

    /// Writes seconds with their millionths, as all durations are measured.
    #[inline]
    pub(crate) fn seconds(&mut self, duration: Duration) {
        self.number(duration.as_secs());
        let micros = duration.subsec_micros();
        #[expect(clippy::cast_possible_truncation, reason = "each is below 100")]
        let pairs = [micros / 10_000, micros / 100 % 100, micros % 100].map(|two| pair(two as u8));
        self.put(b".");
        self.put(pairs.as_flattened().first_chunk::<6>().unwrap_or(b"000000"));
    }

    /// Writes a number below 1,000 with three digits.
    #[inline]
    pub(crate) fn three_digits(&mut self, number: u32) {
        let (hundreds, [tens, ones]) = ((number / 100 % 10) as u8, pair((number % 100) as u8));
        self.put(&[b'0' + hundreds, tens, ones]);
    }
}

impl std::fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.text(text.as_bytes());
        Ok(())
    }
}

/// The two digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xf].map(|digit| HEX.get(usize::from(digit)).copied().unwrap_or(b'0'))
}

/// Copies a text, which is mostly a short one: its first and its last bytes, which may be the same in part. `to` is as long.
#[inline]
fn copy(text: &[u8], to: &mut [u8]) {
    #[inline]
    fn ends<const N: usize>(text: &[u8], to: &mut [u8]) -> Option<()> {
        *to.first_chunk_mut::<N>()? = *text.first_chunk()?;
        *to.last_chunk_mut::<N>()? = *text.last_chunk()?;
        Some(())
    }
    let copied = match text.len() {
        16..=32 => ends::<16>(text, to),
        8..16 => ends::<8>(text, to),
        4..8 => ends::<4>(text, to),
        _ => None,
    };
    if copied.is_none() {
        to.copy_from_slice(text);
    }
}

/// The two digits of a number below 100.
const fn pair(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut room = [0; LONGEST_LINE];
        let mut line = Line::new(&mut room);
        write(&mut line);
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_short_and_exact() {
        for (value, text) in [
            (0.0, "0"),
            (11.0, "11"),
            (-3.0, "-3"),
            (7.4, "7.4"),
            (0.000_001, "0.000001"),
            (4e12, "4000000000000"),
        ] {
            assert_eq!(written(|line| line.decimal(value)), text);
        }
        for number in (0..1_000).chain([u64::from(u16::MAX), u64::MAX]) {
            assert_eq!(written(|line| line.number(number)), number.to_string());
        }
        for number in 0..1_000 {
            assert_eq!(
                written(|line| line.three_digits(number)),
                format!("{number:03}")
            );
        }
    }

    #[test]
    fn each_octet_of_an_address_is_written_as_the_system_writes_it() {
        for octet in 0..=u8::MAX {
            let address = IpAddr::from([octet, 255 - octet, octet / 3, 9]);
            assert_eq!(written(|line| line.address(address)), address.to_string());
        }
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(written(|line| line.address(address)), "2001:db8::1");
    }

    #[test]
    fn a_duration_has_six_digits_behind_the_point() {
        for (duration, text) in [
            (Duration::ZERO, "0.000000"),
            (Duration::from_nanos(1_999), "0.000001"),
            (Duration::from_micros(12_345_678), "12.345678"),
            (Duration::MAX, "18446744073709551615.999999"),
        ] {
            assert_eq!(written(|line| line.seconds(duration)), text);
        }
    }

    #[test]
    fn a_text_of_any_length_is_copied_and_nothing_beside_it() {
        let text: Vec<u8> = (b'a'..=b'z').cycle().take(70).collect();
        for length in 0..text.len() {
            let written = written(|line| {
                line.put(b"<");
                line.text(&text[..length]);
                line.put(b">");
            });
            let text = str::from_utf8(&text[..length]).unwrap();
            assert_eq!(written, format!("<{text}>"));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let written = written(|line| {
            line.text(&[b'a'; LONGEST_LINE - 1]);
            line.put(b"bc");
            line.text(b"de");
            line.put(b"f");
            line.put(b"g");
        });
        assert_eq!(written.len(), LONGEST_LINE);
        assert!(written.ends_with("af"));
    }
}
