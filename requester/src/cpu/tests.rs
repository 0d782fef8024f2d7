//! The clocks of a thread and of its process.

use super::*;

#[test]
fn work_on_another_thread_is_not_counted() {
    let (thread, process) = (CpuClock::start(true), CpuClock::start(false));
    let busy = || {
        let until = CpuClock::start(true);
        while until.elapsed().unwrap() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
    };
    std::thread::spawn(busy).join().unwrap();
    assert!(process.elapsed().unwrap() >= Duration::from_millis(50));
    assert!(thread.elapsed().unwrap() < Duration::from_millis(50));
    busy();
    assert!(thread.elapsed().unwrap() >= Duration::from_millis(50));
}
