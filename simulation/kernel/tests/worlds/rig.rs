//! A process for each world.

use std::{
    fs::File,
    future::Future,
    io::Read,
    net::Ipv4Addr,
    os::fd::FromRawFd,
    sync::{Arc, Mutex},
};

/// What a world wrote down.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    /// Writes a line with the time.
    pub(crate) fn line(&self, text: &str) {
        let line = format!("{:?} {text}\n", switchyard_simulated_kernel::now());
        self.0.lock().unwrap().push_str(&line);
    }
}

/// Runs a world in a process of its own, and returns what it wrote down.
pub(crate) fn world(seed: u64, main: impl FnOnce(&Log)) -> String {
    let mut pipe = [0; 2];
    // SAFETY: there is room for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: the child runs the world alone, and ends without returning.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let log = Log::default();
        switchyard_simulated_kernel::run(seed, || main(&log));
        let text = log.0.lock().unwrap();
        // SAFETY: the text has so many bytes; the process ends without dropping anything.
        unsafe {
            libc::write(pipe[1], text.as_ptr().cast(), text.len());
            libc::_exit(0);
        }
    }
    // SAFETY: it is open, and this process writes nothing.
    unsafe { libc::close(pipe[1]) };
    let mut text = String::new();
    // SAFETY: it is open, and no other has it.
    let mut from = unsafe { File::from_raw_fd(pipe[0]) };
    from.read_to_string(&mut text).unwrap();
    let mut status = 0;
    // SAFETY: it is this process's child, and not waited for before.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "{text}");
    text
}

/// The address of a machine.
pub(crate) const fn machine(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

/// Runs a task on a runtime of its own.
pub(crate) fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(task)
}
