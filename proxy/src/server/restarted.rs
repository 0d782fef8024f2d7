//! What accepts connections lives as long as the process: it is started again if it ends before.

use pingora_core::server::ShutdownWatch;

use switchyard_process::vital::{Ended, VitalTask};

/// Runs what `once` yields until `stopped` turns true, and again if it ends or panics before.
pub(super) async fn until_stopped<F: Future<Output = ()>>(
    mut vital: VitalTask,
    mut stopped: ShutdownWatch,
    once: impl Fn() -> F,
) {
    loop {
        let run = async {
            once().await;
            if *stopped.borrow() {
                Ended::Finished
            } else {
                Ended::TooSoon
            }
        };
        if vital.run(run).await == Ended::Finished {
            return;
        }
        tokio::select! {
            () = vital.pause() => {}
            // A dropped sender means the end as well.
            _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
        }
    }
}
