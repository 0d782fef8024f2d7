//! Reads files outside the serving threads, one job at a time and not for ever.
//!
//! A file system or a name server may hang, and what waits for it can't be interrupted: it holds its thread until the
//! system gives up. A reload then says so and changes nothing, and none starts a second thread while the first hangs.

use std::time::Duration;

use tokio::{
    task::{AbortHandle, spawn_blocking},
    time::timeout,
};

use switchyard_config as config;

use super::file::lines;

/// How long a reload waits for its files and for the hosts that they name. A start of ten thousand names takes less.
const PATIENCE: Duration = Duration::from_mins(1);

/// The last job, which may still run.
#[derive(Debug, Default)]
pub(super) struct Reading(Option<AbortHandle>);

impl Reading {
    /// Runs `job` on a thread that may block. All its faults, one line each, or why there is no result.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> Result<T, config::Error> + Send + 'static,
    ) -> Result<T, Vec<String>> {
        if self.0.as_ref().is_some_and(|last| !last.is_finished()) {
            return Err(vec![
                "an earlier reading of the files has not ended: a file system or a name server hangs".to_owned(),
            ]);
        }
        let running = spawn_blocking(job);
        self.0 = Some(running.abort_handle());
        match timeout(PATIENCE, running).await {
            Ok(Ok(read)) => read.map_err(lines),
            Ok(Err(error)) => Err(vec![format!("the files can't be read: {error}")]),
            Err(_) => Err(vec![format!(
                "the files could not be read within {}: a file system or a name server hangs",
                humantime::format_duration(PATIENCE)
            )]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_job_that_hangs_is_given_up_and_no_other_begins_before_it_ends() {
        let mut reading = Reading::default();
        let (release, released) = mpsc::channel::<()>();
        let hangs = move || {
            let _ = released.recv();
            Ok(())
        };
        tokio::time::pause();
        let (told, ()) = tokio::join!(reading.run(hangs), tokio::time::advance(PATIENCE * 2));
        let told = told.unwrap_err();
        assert!(told[0].contains("within 1m"), "{told:?}");
        let told = reading.run(|| Ok(())).await.unwrap_err();
        assert!(told[0].contains("has not ended"), "{told:?}");
        drop(release);
        tokio::time::resume();
        while reading.run(|| Ok(())).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
