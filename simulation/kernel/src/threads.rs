//! Which thread runs.
//!
//! The threads are real, and one of them runs at a time: the one that has its baton. A thread that must wait says for what,
//! and passes the baton to another that can run, which the seed picks. When none can, time goes on to what is due next. So
//! the order in which threads run is a function of the seed, and another seed tries another order.

use std::collections::BTreeMap;

use crate::{
    baton::Baton,
    state::{self, Kernel, ThreadId},
    timers::Due,
};

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
struct Thread {
    node: u32,
    baton: &'static Baton,
    state: State,
    /// The number of its last wait.
    waits: u64,
    woken: Woken,
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
    runnable: Vec<ThreadId>,
    waiting: BTreeMap<Wait, Vec<ThreadId>>,
}

impl Threads {
    fn get(&mut self, thread: ThreadId) -> &mut Thread {
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

    fn wait(&mut self, thread: ThreadId, waits: Vec<Wait>) -> u64 {
        for wait in &waits {
            self.waiting.entry(*wait).or_default().push(thread);
        }
        let entry = self.get(thread);
        entry.state = State::Waiting(waits);
        entry.waits += 1;
        entry.waits
    }

    /// What each thread waits for, for a message.
    fn describe(&self) -> String {
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

impl Kernel {
    /// The thread that runs next. Time goes on if none can run now.
    fn next_thread(&mut self) -> ThreadId {
        loop {
            while let Some(due) = self.timers.due() {
                self.happen(due);
            }
            let runnable = self.threads.runnable.len();
            if runnable > 0 {
                let at = if runnable == 1 {
                    0
                } else {
                    self.rng.usize(..runnable)
                };
                return self.threads.runnable.swap_remove(at);
            }
            if !self.timers.advance() {
                let threads = self.threads.describe();
                crate::fatal(&format!("all threads wait, and nothing is due:{threads}"));
            }
        }
    }

    /// Lets what is due happen.
    pub(crate) fn happen(&mut self, due: Due) {
        match due {
            Due::Thread(thread, wait) => self.threads.time_out(thread, wait),
            Due::Segment(end) => self.segment_arrives(end),
            Due::Request(end, tries) => self.request_arrives(end, tries),
            Due::Datagram(datagram) => self.datagram_arrives(datagram),
        }
    }
}

/// The calling thread waits for one of these, or until a time in nanoseconds since the start.
pub(crate) fn block(waits: Vec<Wait>, until: Option<u64>) -> Woken {
    let Some(me) = state::current() else {
        crate::fatal("a thread that is not simulated waits");
    };
    let next = state::with(|kernel| {
        let wait = kernel.threads.wait(me, waits);
        if let Some(until) = until {
            kernel.timers.at(until, Due::Thread(me, wait));
        }
        kernel.next_thread()
    });
    go_on(me, next);
    state::with(|kernel| kernel.threads.get(me).woken)
}

/// Lets another thread run, if one can: the seed picks among them and the calling one.
pub(crate) fn yield_now() {
    let Some(me) = state::current() else { return };
    let next = state::with(|kernel| {
        while let Some(due) = kernel.timers.due() {
            kernel.happen(due);
        }
        if !kernel.threads.is_any_runnable() {
            return me;
        }
        kernel.threads.runnable.push(me);
        kernel.next_thread()
    });
    go_on(me, next);
}

fn go_on(me: ThreadId, next: ThreadId) {
    if me != next {
        let (mine, theirs) =
            state::with(|kernel| (kernel.threads.baton(me), kernel.threads.baton(next)));
        theirs.pass();
        mine.take();
    }
}

/// The calling thread ends: another one runs.
pub(crate) fn end_current() {
    let Some(me) = state::current() else { return };
    state::become_thread(None);
    let next = state::with(|kernel| {
        kernel.threads.end(me);
        let next = kernel.next_thread();
        kernel.threads.baton(next)
    });
    next.pass();
}
