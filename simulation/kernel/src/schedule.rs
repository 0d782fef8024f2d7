//! Which thread runs.
//!
//! The threads are real, and one of them runs at a time: the one that has its baton. A thread that must wait says for what,
//! and passes the baton to another that can run, which the seed picks. When none can, time goes on to what is due next. So
//! the order in which threads run is a function of the seed, and another seed tries another order.

use crate::{
    state::{self, Kernel, fatal},
    threads::{ThreadId, Wait, Woken},
    timers::Due,
};

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
                fatal(&format!("all threads wait, and nothing is due:{threads}"));
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
        fatal("a thread that is not simulated waits");
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
