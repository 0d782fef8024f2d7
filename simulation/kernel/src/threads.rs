//! Threads: what each waits for, and which can run.

use std::collections::BTreeMap;

use crate::baton::Baton;

/// The number of a simulated thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId(pub(crate) u32);

/// What a thread can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// A wake of the futex at this address.
    Futex(usize),
    /// A change of the open file with this number.
    File(usize),
    /// The end of this thread.
    Thread(ThreadId),
    /// The end of this node.
    Node(u32),
    /// Nothing but time.
    Time,
}

/// Why a thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// What it waited for may have happened.
    Called,
    /// Its time is over.
    TimeOut,
}

#[derive(Debug)]
pub(crate) struct Thread {
    node: u32,
    baton: &'static Baton,
    state: State,
    /// The number of its last wait.
    waits: u64,
    pub(crate) woken: Woken,
    /// The C library's name for it.
    handle: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Runnable,
    Waiting(Vec<Wait>),
    Ended,
}

/// All threads there were.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    all: Vec<Thread>,
    pub(crate) runnable: Vec<ThreadId>,
    waiting: BTreeMap<Wait, Vec<ThreadId>>,
}

impl Threads {
    pub(crate) fn get(&mut self, thread: ThreadId) -> &mut Thread {
        &mut self.all[thread.0 as usize]
    }

    /// A new thread, which can run.
    pub(crate) fn add(&mut self, node: u32) -> ThreadId {
        let thread = ThreadId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(Thread {
            node,
            baton: Box::leak(Box::default()),
            state: State::Runnable,
            waits: 0,
            woken: Woken::Called,
            handle: 0,
        });
        self.runnable.push(thread);
        thread
    }

    /// The thread that has begun to run the world is not waiting for its turn.
    pub(crate) fn runs(&mut self, thread: ThreadId) {
        self.runnable.retain(|other| *other != thread);
    }

    pub(crate) fn node(&self, thread: ThreadId) -> u32 {
        self.all[thread.0 as usize].node
    }

    pub(crate) fn baton(&self, thread: ThreadId) -> &'static Baton {
        self.all[thread.0 as usize].baton
    }

    pub(crate) fn set_handle(&mut self, thread: ThreadId, handle: usize) {
        self.get(thread).handle = handle;
    }

    /// The newest thread that the C library called this.
    pub(crate) fn by_handle(&self, handle: usize) -> Option<ThreadId> {
        let at = self
            .all
            .iter()
            .rposition(|thread| thread.handle == handle)?;
        Some(ThreadId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    pub(crate) fn has_ended(&self, thread: ThreadId) -> bool {
        self.all[thread.0 as usize].state == State::Ended
    }

    /// How many threads of a node have not ended.
    pub(crate) fn count(&self, node: u32) -> usize {
        let alive = |thread: &&Thread| thread.node == node && thread.state != State::Ended;
        self.all.iter().filter(alive).count()
    }

    pub(crate) fn is_any_runnable(&self) -> bool {
        !self.runnable.is_empty()
    }

    /// Lets the threads go on that wait for this. At most so many; returns how many.
    pub(crate) fn wake(&mut self, wait: Wait, most: usize) -> usize {
        let Some(waiting) = self.waiting.get(&wait) else {
            return 0;
        };
        let woken: Vec<_> = waiting.iter().copied().take(most).collect();
        for thread in &woken {
            self.make_runnable(*thread, Woken::Called);
        }
        woken.len()
    }

    fn make_runnable(&mut self, thread: ThreadId, woken: Woken) {
        self.forget(thread);
        let entry = self.get(thread);
        entry.state = State::Runnable;
        entry.woken = woken;
        self.runnable.push(thread);
    }

    /// Removes a thread from what it waits for.
    fn forget(&mut self, thread: ThreadId) {
        let State::Waiting(waits) = std::mem::replace(&mut self.get(thread).state, State::Ended)
        else {
            return;
        };
        for wait in waits {
            if let Some(waiting) = self.waiting.get_mut(&wait) {
                waiting.retain(|other| *other != thread);
                if waiting.is_empty() {
                    self.waiting.remove(&wait);
                }
            }
        }
    }

    /// A thread's time is over, unless it has gone on since.
    pub(crate) fn time_out(&mut self, thread: ThreadId, wait: u64) {
        let entry = self.get(thread);
        if entry.waits == wait && matches!(entry.state, State::Waiting(_)) {
            self.make_runnable(thread, Woken::TimeOut);
        }
    }

    /// A thread has ended, or never runs again.
    pub(crate) fn end(&mut self, thread: ThreadId) {
        self.forget(thread);
        self.get(thread).state = State::Ended;
        self.runnable.retain(|other| *other != thread);
        self.wake(Wait::Thread(thread), usize::MAX);
    }

    /// The threads of a node that have not ended.
    pub(crate) fn of(&self, node: u32) -> Vec<ThreadId> {
        let alive =
            |(_, thread): &(usize, &Thread)| thread.node == node && thread.state != State::Ended;
        let number = |(at, _)| ThreadId(u32::try_from(at).unwrap_or(u32::MAX));
        self.all
            .iter()
            .enumerate()
            .filter(alive)
            .map(number)
            .collect()
    }

    pub(crate) fn wait(&mut self, thread: ThreadId, waits: Vec<Wait>) -> u64 {
        for wait in &waits {
            self.waiting.entry(*wait).or_default().push(thread);
        }
        let entry = self.get(thread);
        entry.state = State::Waiting(waits);
        entry.waits += 1;
        entry.waits
    }

    /// What each thread waits for, for a message.
    pub(crate) fn describe(&self) -> String {
        let lines = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, thread)| thread.state != State::Ended);
        let line = |(at, thread): (usize, &Thread)| {
            format!(
                "\n  thread {at} of node {}: {:?}",
                thread.node, thread.state
            )
        };
        lines.map(line).collect()
    }
}
