//! What one hostile connection does.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

/// Makes the n-th piece, or none when there are no more.
type Pieces = Arc<dyn Fn(u64) -> Option<Bytes> + Send + Sync>;

/// What one hostile connection does: it writes the opening, then pieces with a pause before each, and then holds
/// the connection open until the server ends it.
#[derive(Clone)]
pub struct Attack {
    pub(super) opening: Bytes,
    pub(super) pieces: Option<Pieces>,
    pub(super) pause: Duration,
    pub(super) is_reading: bool,
    /// How many units (frames, requests) are in the opening, and in each piece.
    pub(super) units: (u64, u64),
}

impl Attack {
    /// Writes these bytes at once, and holds the connection open.
    #[must_use]
    pub fn new(opening: impl Into<Bytes>) -> Self {
        Self {
            opening: opening.into(),
            pieces: None,
            pause: Duration::ZERO,
            is_reading: true,
            units: (1, 1),
        }
    }

    /// Goes on with the pieces that `piece` makes of their numbers, from 0 on, until it makes none.
    #[must_use]
    pub fn then(
        mut self,
        pause: Duration,
        piece: impl Fn(u64) -> Option<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.pieces = Some(Arc::new(piece));
        self.pause = pause;
        self
    }

    /// Goes on with these bytes, one by one.
    #[must_use]
    pub fn dripping(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        let bytes = bytes.into();
        self.then(pause, move |number| {
            let at = usize::try_from(number).ok()?;
            (at < bytes.len()).then(|| bytes.slice(at..=at))
        })
    }

    /// Goes on with these bytes again and again, without end.
    #[must_use]
    pub fn repeating(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        let bytes = bytes.into();
        self.then(pause, move |_| Some(bytes.clone()))
    }

    /// Never reads, and tells the server that it takes only a few kilobytes.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.is_reading = false;
        self
    }

    /// Says how many units (frames, requests) are in the opening and in each piece, for the count.
    #[must_use]
    pub fn counted(mut self, in_opening: u64, in_piece: u64) -> Self {
        self.units = (in_opening, in_piece);
        self
    }

    /// What it writes at first.
    #[must_use]
    pub fn opening(&self) -> &Bytes {
        &self.opening
    }

    /// What it writes as its n-th piece, from 0 on.
    #[must_use]
    pub fn piece(&self, number: u64) -> Option<Bytes> {
        self.pieces.as_ref()?(number)
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attack")
            .field("opening", &self.opening.len())
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}
