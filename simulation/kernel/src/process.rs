//! A day in a process of its own.
//!
//! A process can simulate one world. Its threads stand still where they are when the day is over, and a bug may make it hang
//! or abort. So each day runs in a child of the runner, made by `fork`: it begins with the runner's memory, which is the same
//! for each, and nothing of it is left when it ends.
//!
//! `fork` copies one thread. What other threads of the runner hold at that moment, such as a lock of the allocator, is held
//! for ever in the child, so the runner must have only one.

use std::{
    fs,
    io::{self, PipeReader, PipeWriter},
    os::fd::{AsFd, AsRawFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// A child process, which is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    /// What it reports.
    pub report: PipeReader,
    /// What it writes to its standard error: the last words of a panic.
    pub errors: PipeReader,
    ended: Option<Ended>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// The exit code of a child whose function panicked.
pub const PANICKED: i32 = 101;

/// Runs `main` in a child process, which ends with its result as the exit code.
///
/// # Errors
///
/// If this process has more than one thread, or the system refuses.
pub fn fork(main: impl FnOnce(PipeWriter) -> u8) -> io::Result<Child> {
    if !has_one_thread() {
        return Err(io::Error::other(
            "a process with several threads can't be forked",
        ));
    }
    let (report, reports) = io::pipe()?;
    let (errors, writes) = io::pipe()?;
    // SAFETY: this process has one thread, so the child has all that its memory says it has.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop((report, errors));
            be_child(&writes);
            drop(writes);
            let result = catch_unwind(AssertUnwindSafe(|| main(reports)));
            exit_at_once(result.map_or(PANICKED, i32::from))
        }
        pid => Ok(Child {
            pid,
            report,
            errors,
            ended: None,
        }),
    }
}

/// Dies with its parent, and writes its last words into a pipe.
fn be_child(errors: &PipeWriter) {
    // SAFETY: a plain call, whose failure costs nothing but a process that lives a little longer.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: both descriptors are open; the second is replaced in one step.
    unsafe { libc::dup2(errors.as_raw_fd(), libc::STDERR_FILENO) };
}

/// Ends this process without another step: no destructors, no handlers, whatever its threads do.
pub fn exit_at_once(code: i32) -> ! {
    // SAFETY: it does not return, and touches no memory of this process.
    unsafe { libc::_exit(code) }
}

fn has_one_thread() -> bool {
    fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() == 1)
}

impl Child {
    /// Its number, as the system knows it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.cast_unsigned()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn try_wait(&mut self) -> io::Result<Option<Ended>> {
        self.wait_with(libc::WNOHANG)
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If the system does not say that it is gone.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.ended.is_none() {
            // SAFETY: the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            self.wait_with(0)?;
        }
        Ok(())
    }

    fn wait_with(&mut self, flags: libc::c_int) -> io::Result<Option<Ended>> {
        while self.ended.is_none() {
            let mut status = 0;
            // SAFETY: `status` is valid for writing, and the child is ours.
            match unsafe { libc::waitpid(self.pid, &raw mut status, flags) } {
                0 => break,
                -1 => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
                _ if libc::WIFSIGNALED(status) => {
                    self.ended = Some(Ended::Killed(libc::WTERMSIG(status)));
                }
                _ => self.ended = Some(Ended::Exited(libc::WEXITSTATUS(status))),
            }
        }
        Ok(self.ended)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Waits until one of these can be read, or the time is over. Says which can, or are at their end.
///
/// # Errors
///
/// If the system can't wait.
pub fn readable(files: &[&PipeReader], timeout: Duration) -> io::Result<Vec<bool>> {
    let raw = |file: &&PipeReader| -> RawFd { file.as_fd().as_raw_fd() };
    let mut polled: Vec<libc::pollfd> = files
        .iter()
        .map(|file| libc::pollfd {
            fd: raw(file),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let count = libc::nfds_t::try_from(polled.len()).map_err(io::Error::other)?;
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the pointer and the length are those of a vector that lives until the call is over.
    if unsafe { libc::poll(polled.as_mut_ptr(), count, millis) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(polled.iter().map(|one| one.revents != 0).collect())
}
