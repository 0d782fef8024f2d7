//! What becomes of open files: who hears of a change, and what a close does.

use crate::{
    ends::{EndId, Owner},
    files::{Descriptor, File, Kind},
    state::Kernel,
    threads::Wait,
};

impl Kernel {
    /// A file has changed in these ways: what watches it or waits for it hears of it.
    pub(crate) fn notify(&mut self, file: usize, edges: i32) {
        self.threads.wake(Wait::File(file), usize::MAX);
        let Some(Some(watched)) = self.files.open.get(file) else {
            return;
        };
        for (epoll, descriptor) in watched.watchers.clone() {
            if let Some(File {
                kind: Kind::Epoll(watching),
                ..
            }) = self.files.file(epoll)
                && watching.changed(descriptor, edges.cast_unsigned())
            {
                self.threads.wake(Wait::File(epoll), usize::MAX);
            }
        }
    }

    /// Closes a descriptor. False if it is none.
    pub(crate) fn close(&mut self, descriptor: i32) -> bool {
        if self.files.is_dead(descriptor) {
            return true;
        }
        let is_open = self.forget(descriptor);
        if is_open {
            self.files.free.insert(descriptor);
        }
        is_open
    }

    /// Closes a descriptor of a process that ends.
    pub(crate) fn close_dead(&mut self, descriptor: i32) {
        if self.forget(descriptor) {
            self.files.dead.insert(descriptor);
        }
    }

    fn forget(&mut self, descriptor: i32) -> bool {
        let Some(Descriptor { file, .. }) = self.files.descriptors.remove(&descriptor) else {
            return false;
        };
        if let Some(open) = self.files.file(file) {
            // An epoll file forgets a descriptor at the last close only; programs here never rely on that.
            let watchers = std::mem::take(&mut open.watchers);
            let (gone, kept): (Vec<_>, _) = watchers
                .into_iter()
                .partition(|(_, under)| *under == descriptor);
            open.watchers = kept;
            for (epoll, _) in gone {
                if let Some(File {
                    kind: Kind::Epoll(epoll),
                    ..
                }) = self.files.file(epoll)
                {
                    epoll.forget(descriptor);
                }
            }
        }
        self.unshare(file);
        true
    }

    /// A file is kept once less. Without any descriptor it is closed.
    pub(crate) fn unshare(&mut self, number: usize) {
        let Some(file) = self.files.file(number) else {
            return;
        };
        file.descriptors -= 1;
        if file.descriptors > 0 {
            return;
        }
        let Some(file) = self.files.open.get_mut(number).and_then(Option::take) else {
            return;
        };
        match file.kind {
            Kind::Stream(end) => self.close_end(end),
            Kind::Listener(listener) => {
                self.files.listeners.retain(|_, listens| *listens != number);
                self.files.unix.retain(|_, listens| *listens != number);
                for end in listener.queue {
                    self.files.ends[end].resets_at_close = true;
                    self.close_end(end);
                }
            }
            Kind::Datagrams(_) => self.files.datagrams.retain(|_, gets| *gets != number),
            Kind::Epoll(epoll) => {
                for descriptor in epoll.watched() {
                    let Some(watched) = self.files.number(descriptor) else {
                        continue;
                    };
                    if let Some(watched) = self.files.file(watched) {
                        watched.watchers.retain(|(watching, _)| *watching != number);
                    }
                }
            }
            Kind::Socket { .. } | Kind::Counter(_) => {}
        }
        self.threads.wake(Wait::File(number), usize::MAX);
    }

    /// The end of a connection that a descriptor stands for.
    pub(crate) fn end_of(&mut self, descriptor: i32) -> Option<EndId> {
        let file = self.files.number(descriptor)?;
        match self.files.file(file)?.kind {
            Kind::Stream(end) => Some(end),
            _ => None,
        }
    }

    /// An open file for an end, and a descriptor of it.
    pub(crate) fn open_stream(&mut self, end: EndId, node: u32, is_nonblocking: bool) -> i32 {
        let machine = self.files.ends[end].machine;
        let file = self.files.open(Kind::Stream(end), machine, is_nonblocking);
        self.files.ends[end].owner = Owner::File(file);
        self.files.describe(file, node)
    }
}
