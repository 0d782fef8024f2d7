//! Whether a command to this process lasts.
//!
//! During an upgrade both processes accept connections at the admin port. What is said to the new one before it has
//! taken over, or to the old one after it has handed its state over, would be lost with that process, or hold at one of
//! the two only. So a command is refused until it is clear which of them goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub struct InCharge(Arc<AtomicBool>);

impl InCharge {
    /// Whether it lasts.
    #[must_use]
    pub fn is(&self) -> bool {
        self.0.load(SeqCst)
    }

    /// From now on it does.
    pub fn begin(&self) {
        self.0.store(true, SeqCst);
    }

    /// From now on it does not, unless the answer is dropped.
    #[must_use]
    pub fn pause(&self) -> Paused {
        self.0.store(false, SeqCst);
        Paused(Some(self.clone()))
    }
}

/// Another process may go on in the place of this one; if this is dropped, it does not.
#[derive(Debug)]
pub struct Paused(Option<InCharge>);

impl Paused {
    /// It does.
    pub fn for_good(mut self) {
        self.0 = None;
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        if let Some(paused) = self.0.take() {
            paused.begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_handover_that_succeeds_ends_it() {
        let one = InCharge::default();
        assert!(!one.is());
        one.begin();
        assert!(one.is());
        let failed = one.pause();
        assert!(!one.is());
        drop(failed);
        assert!(one.is());
        one.pause().for_good();
        assert!(!one.is());
    }
}
