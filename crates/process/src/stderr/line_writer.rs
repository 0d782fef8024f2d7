//! Writes lines to a sink from a thread of its own, so that no other thread waits for the sink.
//!
//! Lines wait in a buffer of bounded size. A line that finds no room there is dropped and counted, and so is a line that
//! the sink does not take. The loss is reported once the sink takes something again.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// The most bytes that wait for the sink: some eight thousand lines.
pub(super) const MOST_WAITING: usize = 1 << 20;
/// The pause before another attempt, where the sink is in non-blocking mode and takes nothing now.
const PAUSE: Duration = Duration::from_millis(10);

/// Hands lines to the thread that writes them. A clone hands them to the same thread.
#[derive(Clone, Debug)]
pub(super) struct LineWriter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    has_lines: Condvar,
    is_idle: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Lines that were taken from here and are not written yet.
    is_writing: bool,
}

impl LineWriter {
    /// Starts the thread. `report` is called on it with the number of lines that were lost, once the sink works again;
    /// what it pushes is written next.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        report: impl Fn(&Self, u64) + Send + 'static,
    ) -> Self {
        let writer = Self(Arc::default());
        let of_thread = writer.clone();
        // Without a thread the buffer fills once, and every line after that counts as dropped.
        let _ = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || of_thread.write_forever(sink, report));
        writer
    }

    /// Adds whole lines, each with its line feed. Never waits for the sink.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut waiting = self.0.waiting.lock();
        if waiting.lines.len() + lines.len() > MOST_WAITING {
            drop(waiting);
            self.drop_lines(lines);
            return;
        }
        waiting.lines.extend_from_slice(lines);
        drop(waiting);
        self.0.has_lines.notify_one();
    }

    /// How many lines were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Waits until every line so far is written or dropped, for no longer than `longest`. Returns whether that is so.
    pub(super) fn flush(&self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let mut waiting = self.0.waiting.lock();
        while waiting.is_writing || !waiting.lines.is_empty() {
            if self
                .0
                .is_idle
                .wait_until(&mut waiting, deadline)
                .timed_out()
            {
                return false;
            }
        }
        true
    }

    fn drop_lines(&self, lines: &[u8]) {
        let count = lines.split_inclusive(|byte| *byte == b'\n').count();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.dropped.fetch_add(count, Relaxed);
    }

    fn write_forever(&self, mut sink: impl Write, report: impl Fn(&Self, u64)) {
        let (mut lines, mut reported) = (Vec::new(), 0);
        loop {
            self.take(&mut lines);
            let written = write_all(&mut sink, &lines);
            self.drop_lines(lines.get(written..).unwrap_or_default());
            let (is_taken, dropped) = (written > 0, self.dropped());
            if is_taken && dropped > reported && self.has_room() {
                report(self, dropped - reported);
                reported = dropped;
            }
            lines.clear();
        }
    }

    /// Whether a report will find room.
    fn has_room(&self) -> bool {
        self.0.waiting.lock().lines.len() < MOST_WAITING / 2
    }

    /// Waits for lines, and takes all of them.
    fn take(&self, lines: &mut Vec<u8>) {
        let mut waiting = self.0.waiting.lock();
        waiting.is_writing = false;
        while waiting.lines.is_empty() {
            self.0.is_idle.notify_all();
            self.0.has_lines.wait(&mut waiting);
        }
        mem::swap(&mut waiting.lines, lines);
        waiting.is_writing = true;
    }
}

/// Writes until all is written or the sink fails. Returns how many bytes were written.
fn write_all(sink: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match sink.write(rest) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process that shares the sink may have set this mode.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    let _: io::Result<()> = sink.flush();
    written
}

#[cfg(test)]
mod tests;
