//! tokio's `Notify`, as far as it is used: `notify_waiters` wakes all whose wait has begun, polled or not.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::Mutex;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Notify(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often all were woken.
    calls: usize,
    waiting: Vec<Waker>,
}

/// A wait, which begins when it is made.
#[derive(Debug)]
pub(crate) struct Notified<'a> {
    of: &'a Notify,
    calls: usize,
}

impl Notify {
    pub(crate) fn notified(&self) -> Notified<'_> {
        let calls = self.0.lock().calls;
        Notified { of: self, calls }
    }

    pub(crate) fn notify_waiters(&self) {
        let woken = {
            let mut state = self.0.lock();
            state.calls += 1;
            std::mem::take(&mut state.waiting)
        };
        for waker in woken {
            waker.wake();
        }
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.of.0.lock();
        if state.calls > self.calls {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }
}
