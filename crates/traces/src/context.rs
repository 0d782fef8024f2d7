//! W3C trace context: the headers `traceparent` and `tracestate`, and whether a request is sampled.
//!
//! The format is read strictly (<https://www.w3.org/TR/trace-context/>): what is malformed begins a new trace. A trace
//! that this proxy takes no part in passes through it unchanged, whatever its headers say.

use std::fmt;

/// The length of `traceparent` in version 00, in bytes.
const LENGTH: usize = 55;
/// The flag of a trace that is sampled.
const SAMPLED: u8 = 0x01;
/// The flag of a trace whose id is random in its last seven bytes, from level 2 of the specification. It is passed on.
const RANDOM: u8 = 0x02;
/// The longest `tracestate` that a span says, in bytes. The specification asks for no more.
const LONGEST_STATE: usize = 512;

/// The id of a trace: 16 bytes, not all zero. Shown as lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TraceId([u8; 16]);

/// The id of a span: 8 bytes, not all zero. Shown as lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// The id of these bits.
    #[must_use]
    pub const fn of(bits: u128) -> Self {
        // Zero is no id.
        Self(if bits == 0 { 1 } else { bits }.to_be_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether a trace with this id is one of `ratio` of all. Every OpenTelemetry SDK decides so, by the last 63 bits.
    fn is_of(self, ratio: f64) -> bool {
        if ratio >= 1.0 {
            return true;
        }
        let bits = u128::from_be_bytes(self.0) & u128::from(u64::MAX >> 1);
        #[expect(clippy::cast_precision_loss, reason = "a share of all traces")]
        let at = bits as f64 / (1_u64 << 63) as f64;
        at < ratio
    }
}

impl SpanId {
    /// The id of these bits.
    #[must_use]
    pub const fn of(bits: u64) -> Self {
        Self(if bits == 0 { 1 } else { bits }.to_be_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent {
    /// The trace that the request belongs to.
    pub trace_id: TraceId,
    /// The span that caused it.
    pub span_id: SpanId,
    flags: u8,
}

impl TraceParent {
    /// Reads the values of all `traceparent` headers of a request. None where there is none, more than one, or a malformed
    /// one.
    pub fn of<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Option<Self> {
        let parent = Self::parse(values.next()?)?;
        values.next().is_none().then_some(parent)
    }

    /// Reads one value. None if it is malformed. A later version may say more behind what version 00 says.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let [version] = hex(known.get(..2)?)?;
        let is_complete = match version {
            0xff => false,
            0 => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let dashes = [2, 35, 52].into_iter();
        if !is_complete || !dashes.into_iter().all(|at| known.get(at) == Some(&b'-')) {
            return None;
        }
        let trace_id = TraceId(hex(known.get(3..35)?)?);
        let span_id = SpanId(hex(known.get(36..52)?)?);
        let [flags] = hex(known.get(53..)?)?;
        let has_ids = trace_id.0 != [0; 16] && span_id.0 != [0; 8];
        has_ids.then_some(Self {
            trace_id,
            span_id,
            flags,
        })
    }

    /// Whether the trace is sampled so far.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Reads lower-case hexadecimal digits, as the specification wants them.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// The trace of a request that is sampled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Context {
    /// The trace.
    pub trace_id: TraceId,
    /// The span of the request in this proxy.
    pub span_id: SpanId,
    /// The span of the client that caused it.
    pub parent: Option<SpanId>,
    flags: u8,
    /// What `tracestate` said, where the trace is the client's.
    pub state: String,
}

impl Context {
    /// The context of a request with these headers, if it is sampled: because its parent is, or, where it has no parent,
    /// as one of `ratio` of all. `random` returns random bits, and is not called where nothing can be sampled.
    pub fn sample<'h>(
        parents: impl Iterator<Item = &'h [u8]>,
        states: impl Iterator<Item = &'h [u8]>,
        ratio: f64,
        mut random: impl FnMut() -> u128,
    ) -> Option<Self> {
        if let Some(parent) = TraceParent::of(parents) {
            return parent.is_sampled().then(|| Self {
                trace_id: parent.trace_id,
                span_id: span_id(&mut random),
                parent: Some(parent.span_id),
                flags: parent.flags & RANDOM | SAMPLED,
                state: joined(states),
            });
        }
        if ratio <= 0.0 {
            return None;
        }
        let trace_id = TraceId::of(random());
        trace_id.is_of(ratio).then(|| Self {
            trace_id,
            span_id: span_id(&mut random),
            parent: None,
            flags: SAMPLED | RANDOM,
            state: String::new(),
        })
    }

    pub(crate) const fn flags(&self) -> u32 {
        self.flags as u32
    }

    /// Whether the trace begins here, so that a `tracestate` of the client is not of this trace.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.parent.is_none()
    }

    /// `traceparent` for a request that `span` causes.
    #[must_use]
    pub fn header(&self, span: SpanId) -> String {
        let (trace, flags) = (self.trace_id, self.flags);
        format!("00-{trace}-{span}-{flags:02x}")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "random bits")]
fn span_id(random: &mut impl FnMut() -> u128) -> SpanId {
    SpanId::of(random() as u64)
}

/// The values of all `tracestate` headers as one list, or nothing if that is too long or no text.
fn joined<'h>(states: impl Iterator<Item = &'h [u8]>) -> String {
    let mut all = String::new();
    for state in states {
        let Ok(state) = str::from_utf8(state) else {
            return String::new();
        };
        if !all.is_empty() && !state.is_empty() {
            all.push(',');
        }
        all.push_str(state);
        if all.len() > LONGEST_STATE {
            return String::new();
        }
    }
    all
}

#[cfg(test)]
mod tests;
