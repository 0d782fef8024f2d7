//! How many bytes of requests the proxy keeps, for all clients together.
//!
//! Every request has limits of its own, but ten thousand clients that each stop one byte before them would hold most of a
//! gigabyte, and the process would be killed for it. So what a request needs beyond its first KiB counts in one sum. A
//! request that would go over the limit (`limits.buffered`) is refused. Charges are smaller than a KiB, so they are served
//! whatever others hold.

use std::sync::Arc;

use switchyard_wire::{Code, Failure};

use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many bytes of a request count as nothing: it keeps that much while it is idle.
pub(crate) const FREE: usize = 1024;

/// What all requests hold together, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Buffered(AtomicUsize);

/// What one request holds; given back once dropped.
#[derive(Debug)]
pub(crate) struct BufferShare {
    of: Arc<Buffered>,
    held: usize,
    limit: usize,
}

impl Buffered {
    /// An empty share, for a limit of `limit` bytes on the sum of all.
    pub(crate) fn share(self: &Arc<Self>, limit: usize) -> BufferShare {
        BufferShare {
            of: Arc::clone(self),
            held: 0,
            limit,
        }
    }
}

impl BufferShare {
    /// Moves what is held into another share, and leaves this one empty.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            of: Arc::clone(&self.of),
            held: std::mem::take(&mut self.held),
            limit: self.limit,
        }
    }

    /// Holds as much as a buffer of this many bytes needs. On an error it holds what it held.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Failure> {
        let wanted = bytes.saturating_sub(FREE);
        if wanted == self.held {
            return Ok(());
        }
        if let Some(more) = wanted.checked_sub(self.held) {
            // Not added and taken away again: in between another that fits would be refused.
            let within = |held: usize| held.checked_add(more).filter(|sum| *sum <= self.limit);
            if let Err(before) = self.of.0.fetch_update(Relaxed, Relaxed, within) {
                let message = format!(
                    "other requests hold {before} bytes (limits.buffered: {} bytes); a request of at most {FREE} bytes is still taken",
                    self.limit
                );
                return Err(Failure::new(Code::Overloaded, message));
            }
        } else {
            self.of.0.fetch_sub(self.held - wanted, Relaxed);
        }
        self.held = wanted;
        Ok(())
    }
}

impl Drop for BufferShare {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.held, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(all: &Buffered) -> usize {
        all.0.load(Relaxed)
    }

    #[test]
    fn shares_add_up_to_the_limit_and_go_back() {
        let all = Arc::new(Buffered::default());
        let [mut first, mut second] = [(); 2].map(|()| all.share(10_000));
        first.hold(FREE).unwrap();
        assert_eq!(sum(&all), 0);
        first.hold(FREE + 6_000).unwrap();
        let refused = second.hold(FREE + 4_001).unwrap_err();
        assert_eq!(refused.code, Code::Overloaded);
        assert_eq!(sum(&all), 6_000, "a refusal holds nothing");
        second.hold(FREE + 4_000).unwrap();
        second.hold(10).unwrap();
        assert_eq!(sum(&all), 6_000);
        drop(first);
        assert_eq!(sum(&all), 0);
    }
}
