//! What threads share, made of shuttle's locks: each step of it is one at which another thread may go on.

mod notify;

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, PoisonError},
    time::Duration,
};

pub(crate) use notify::Notify;
pub(crate) use shuttle::{
    sync::atomic,
    thread::{Thread, park},
};

/// As `parking_lot` has it: without a word about panics.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = shuttle::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As `parking_lot` has it. Nothing waits for it here.
#[derive(Debug, Default)]
pub(crate) struct Condvar;

impl Condvar {
    pub(crate) fn new() -> Self {
        Self
    }
}

/// As `arc_swap` has it: a load gives what the last store before it has put there.
#[derive(Debug)]
pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

/// What an [`ArcSwap`] has lent.
#[derive(Debug)]
pub(crate) struct Guard<T>(T);

impl<T> ArcSwap<T> {
    pub(crate) fn from_pointee(value: T) -> Self {
        Self(Mutex::new(Arc::new(value)))
    }

    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        Guard(self.load_full())
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        Arc::clone(&self.0.lock())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        *self.0.lock().deref_mut() = value;
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Time does not decide here: a wait is over once others have had a turn.
pub(crate) async fn sleep(_: Duration) {
    shuttle::future::yield_now().await;
}

/// A wait with an end is over at once.
pub(crate) fn park_timeout(_: Duration) {
    shuttle::thread::yield_now();
}

/// A clock that is a day further each time, so that a wait with an end has come to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static DAYS: AtomicU64 = AtomicU64::new(0);
        Self(Duration::from_hours(24 * DAYS.fetch_add(1, Relaxed)))
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0 + span)
    }
}
