//! Epoll: which files are ready, told once a change (edge-triggered) or as long as it is so.

use libc::{EPOLLET, EPOLLONESHOT};

use crate::{
    epoll::{ALWAYS, Epoll, Interest},
    files::{File, Kind},
    schedule::{block, yield_now},
    state::{self, Kernel},
    threads::{Wait, Woken},
};

impl Kernel {
    fn epoll(&mut self, number: usize) -> Option<&mut Epoll> {
        match self.files.file(number)? {
            File {
                kind: Kind::Epoll(epoll),
                ..
            } => Some(epoll),
            _ => None,
        }
    }

    /// `epoll_ctl`.
    pub(crate) fn control(
        &mut self,
        epoll: i32,
        operation: i32,
        descriptor: i32,
        event: Option<(u32, u64)>,
    ) -> Result<(), i32> {
        if self.files.is_dead(epoll) || self.files.is_dead(descriptor) {
            return Ok(());
        }
        let number = self.files.number(epoll).ok_or(libc::EBADF)?;
        let file = self.files.number(descriptor).ok_or(libc::EPERM)?;
        let ready = self.files.ready(file);
        let watching = self.epoll(number).ok_or(libc::EINVAL)?;
        let is_known = watching.interests.contains_key(&descriptor);
        match (operation, event) {
            (libc::EPOLL_CTL_DEL, _) if is_known => {
                watching.forget(descriptor);
                if let Some(file) = self.files.file(file) {
                    file.watchers
                        .retain(|watcher| *watcher != (number, descriptor));
                }
                return Ok(());
            }
            (libc::EPOLL_CTL_ADD, Some(_)) if is_known => return Err(libc::EEXIST),
            (libc::EPOLL_CTL_DEL | libc::EPOLL_CTL_MOD, _) if !is_known => {
                return Err(libc::ENOENT);
            }
            (libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD, Some((events, data))) => {
                watching.changed.retain(|other| *other != descriptor);
                let interest = Interest {
                    file,
                    events,
                    data,
                    is_queued: false,
                };
                watching.interests.insert(descriptor, interest);
                let is_news = watching.changed(descriptor, ready);
                if let Some(file) = self.files.file(file)
                    && !file.watchers.contains(&(number, descriptor))
                {
                    file.watchers.push((number, descriptor));
                }
                if is_news {
                    self.threads.wake(Wait::File(number), usize::MAX);
                }
                return Ok(());
            }
            _ => {}
        }
        Err(libc::EINVAL)
    }

    fn collect(&mut self, number: usize, most: usize) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        let mut again = Vec::new();
        while found.len() < most {
            let Some(descriptor) = self
                .epoll(number)
                .and_then(|epoll| epoll.changed.pop_front())
            else {
                break;
            };
            let Some(interest) = self
                .epoll(number)
                .and_then(|epoll| epoll.interests.get_mut(&descriptor))
            else {
                continue;
            };
            interest.is_queued = false;
            let (file, events, data) = (interest.file, interest.events, interest.data);
            let ready = self.files.ready(file) & (events | ALWAYS);
            if ready == 0 || events == 0 {
                continue;
            }
            found.push((ready, data));
            if events & EPOLLONESHOT.cast_unsigned() != 0 {
                if let Some(interest) = self
                    .epoll(number)
                    .and_then(|epoll| epoll.interests.get_mut(&descriptor))
                {
                    interest.events = 0;
                }
            } else if events & EPOLLET.cast_unsigned() == 0 {
                again.push((descriptor, ready));
            }
        }
        for (descriptor, ready) in again {
            if let Some(epoll) = self.epoll(number) {
                epoll.changed(descriptor, ready);
            }
        }
        found
    }
}

/// `epoll_wait`, until a time in nanoseconds since the start; without one, for ever.
pub(crate) fn wait(epoll: i32, most: usize, until: Option<u64>) -> Result<Vec<(u32, u64)>, i32> {
    yield_now();
    let mut is_late = false;
    loop {
        let (number, found, now) = state::with(|kernel| {
            let number = kernel.files.number(epoll).ok_or(libc::EBADF)?;
            Ok::<_, i32>((number, kernel.collect(number, most), kernel.timers.now()))
        })?;
        if !found.is_empty() || is_late || until.is_some_and(|until| until <= now) {
            return Ok(found);
        }
        is_late = block(vec![Wait::File(number)], until) == Woken::TimeOut;
    }
}
