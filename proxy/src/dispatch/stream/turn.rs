//! Tells whether a future that waits has woken itself, so that it is polled again at once.
//!
//! Pingora's proxy moves an answer through a short queue between two halves of itself, and each half wakes the task for the
//! other. What is written in between would leave in many small pieces; so it leaves only once the future waits for something
//! outside. A future that wakes itself without end can't hold it back: after some turns it leaves all the same.
//!
//! The future is not polled again in place. That it comes again after the other tasks lets its socket fill meanwhile, and
//! larger reads cost less than the turns.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

/// In so many turns, one after the other, the future may wake itself until what it has written leaves.
const MOST: u32 = 32;

/// The turns of one future.
#[derive(Debug, Default)]
pub(super) struct Turns {
    noted: Option<(Arc<Noted>, Waker)>,
    /// How many turns in a row the future has woken itself.
    in_a_row: u32,
}

/// Wakes the task, and notes it.
#[derive(Debug)]
struct Noted {
    task: Waker,
    is_woken: AtomicBool,
}

impl Turns {
    /// Polls the future, and says whether what it has written should leave now.
    pub(super) fn poll<F: Future>(
        &mut self,
        future: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> (Poll<F::Output>, bool) {
        let noted = self.noted.take();
        let noted = noted.filter(|(noted, _)| noted.task.will_wake(context.waker()));
        let noted = noted.unwrap_or_else(|| Noted::of(context.waker()));
        let (noted, waker) = self.noted.insert(noted);
        noted.is_woken.store(false, Relaxed);
        let polled = future.poll(&mut Context::from_waker(waker));
        // From another thread it may be woken after this. Then it is as if that had come a little later.
        let goes_on = polled.is_pending() && noted.is_woken.load(Relaxed) && self.in_a_row < MOST;
        self.in_a_row = if goes_on { self.in_a_row + 1 } else { 0 };
        (polled, !goes_on)
    }
}

impl Noted {
    fn of(task: &Waker) -> (Arc<Self>, Waker) {
        let noted = Arc::new(Self {
            task: task.clone(),
            is_woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&noted));
        (noted, waker)
    }
}

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Relaxed);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_is_written_leaves_once_it_waits_for_others() {
        let count = Arc::new(Count::default());
        let task = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&task);
        // Of these turns it wakes itself in all but the third and the last.
        let mut turn = 0;
        let mut future = pin!(poll_fn(|context| {
            turn += 1;
            if turn != 3 && turn < 100 {
                context.waker().wake_by_ref();
            }
            if turn == 100 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        let mut turns = Turns::default();
        let mut leaves = Vec::new();
        for turn in 1..=100 {
            let (polled, is_over) = turns.poll(future.as_mut(), &mut context);
            assert_eq!(polled.is_ready(), turn == 100);
            if is_over {
                leaves.push(turn);
            }
        }
        assert_eq!(leaves, [3, 36, 69, 100]);
        assert_eq!(count.0.load(Relaxed), 98, "each of its wakes is the task's");
    }

    #[test]
    fn another_task_is_woken_in_its_place() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut future = pin!(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let mut turns = Turns::default();
        for count in [&first, &second, &second] {
            let task = Waker::from(Arc::clone(count));
            let polled = turns.poll(future.as_mut(), &mut Context::from_waker(&task));
            assert!(matches!(polled, (Poll::Pending, false)));
        }
        let counts = [first, second].map(|count| count.0.load(Relaxed));
        assert_eq!(counts, [1, 2]);
    }
}
