//! The `process_*` metrics: processor time, memory, open files, start.
//!
//! They belong to the process, not to a substation, and to read them means to walk `/proc/self/fd`. With a
//! thousand substations scraped twice a second that would be most of the work. So all substations share one
//! reading, which is at most a second old.

use std::sync::Arc;

#[cfg(target_os = "linux")]
pub(crate) use linux::exposition;

/// Elsewhere there is nothing to read.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exposition() -> Arc<str> {
    Arc::from("")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::{Duration, Instant};

    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike};
    use prometheus::core::Collector;
    use prometheus::process_collector::ProcessCollector;
    use prometheus::{Counter, TextEncoder};

    use super::Arc;

    /// How old a reading may get. Prometheus scrapes at most about once a second.
    const MAX_AGE: Duration = Duration::from_secs(1);
    const CPU: &str = "process_cpu_seconds_total";

    /// The last reading, as text.
    struct Reading {
        text: Arc<str>,
        taken: Instant,
    }

    pub(crate) fn exposition() -> Arc<str> {
        static LAST: OnceLock<Mutex<Option<Reading>>> = OnceLock::new();
        let last = LAST.get_or_init(Mutex::default);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = last
            .as_ref()
            .filter(|reading| reading.taken.elapsed() < MAX_AGE)
        {
            return Arc::clone(&reading.text);
        }
        let text: Arc<str> = read().into();
        *last = Some(Reading {
            text: Arc::clone(&text),
            taken: Instant::now(),
        });
        text
    }

    fn read() -> String {
        let mut families = ProcessCollector::for_self().collect();
        // The collector counts processor time in whole seconds: too coarse for a rate over a minute.
        if let Some(cpu) = cpu() {
            families.retain(|family| family.name() != CPU);
            families.extend(cpu.collect());
        }
        // A page without these metrics is still of use.
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    fn cpu() -> Option<Counter> {
        let used = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let total: TimeVal = used.user_time() + used.system_time();
        let total = Duration::from_micros(total.num_microseconds().try_into().ok()?);
        let counter = Counter::new(CPU, "User and system processor time, in seconds.").ok()?;
        counter.inc_by(total.as_secs_f64());
        Some(counter)
    }
}
