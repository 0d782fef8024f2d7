//! How long loads last in this process: as configured, as learned from the gauges, or as assumed until then.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use prometheus::IntGaugeVec;
use switchyard_balance::Lasts;
use switchyard_config as config;
use switchyard_telemetry::{Error, Registrar};
use tracing::{info, warn};

/// Where it is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastsSource {
    /// From the configuration.
    Configured,
    /// From what the gauges did.
    Learned,
    /// From nothing yet.
    Assumed,
}

impl LastsSource {
    /// Its name in `/status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Learned => "learned",
            Self::Assumed => "assumed",
        }
    }
}

/// The metric family: 1 for what is in force, 0 for the other.
pub(crate) fn register(make: Registrar<'_>) -> Result<IntGaugeVec, Error> {
    make.int_gauges(
        "load_lasts",
        "How long the load of a charge is taken to last: 1 for what is in force, longer than the answer (session) or as long as it (answer).",
        &["mode"],
    )
}

/// How long loads last, for all grids of a process.
#[derive(Debug)]
pub(crate) struct LoadLasts {
    state: Mutex<State>,
    gauge: IntGaugeVec,
    has_warned: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    rule: config::Lasts,
    learned: Option<Lasts>,
}

impl State {
    fn in_force(&self) -> (Lasts, LastsSource) {
        match (self.rule, self.learned) {
            (config::Lasts::Fixed(lasts), _) => (lasts, LastsSource::Configured),
            (config::Lasts::Auto, Some(lasts)) => (lasts, LastsSource::Learned),
            // The safe assumption: load that ends with its answer is then counted twice, and never too low.
            (config::Lasts::Auto, None) => (Lasts::Session, LastsSource::Assumed),
        }
    }
}

impl LoadLasts {
    pub(crate) fn new(gauge: IntGaugeVec) -> Self {
        let lasts = Self {
            state: Mutex::default(),
            gauge,
            has_warned: AtomicBool::new(false),
        };
        lasts.show();
        lasts
    }

    /// How long loads last, and where that is known from.
    pub(crate) fn in_force(&self) -> (Lasts, LastsSource) {
        self.state.lock().in_force()
    }

    /// Takes what a configuration says.
    pub(crate) fn set_rule(&self, rule: config::Lasts) {
        let before = std::mem::replace(&mut self.state.lock().rule, rule);
        if before != rule {
            self.has_warned.store(false, Relaxed);
        }
        self.show();
    }

    /// Takes what the gauges have shown. Logs it if that changes anything, or contradicts the configuration.
    pub(crate) fn learn(&self, learned: Lasts) {
        let mut state = self.state.lock();
        let before = state.learned.replace(learned);
        match state.rule {
            config::Lasts::Auto if before != Some(learned) => {
                info!(
                    lasts = learned.name(),
                    "The gauges show how long load lasts"
                );
            }
            config::Lasts::Fixed(configured)
                if configured != learned && !self.has_warned.swap(true, Relaxed) =>
            {
                warn!(
                    configured = configured.name(),
                    gauges_show = learned.name(),
                    "The gauges contradict charge.lasts: set it to what they show, or to auto"
                );
            }
            _ => {}
        }
        drop(state);
        if before != Some(learned) {
            self.show();
        }
    }

    fn show(&self) {
        let (in_force, _) = self.in_force();
        for lasts in Lasts::ALL {
            let gauge = self.gauge.with_label_values(&[lasts.name()]);
            gauge.set(i64::from(lasts == in_force));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts() -> LoadLasts {
        let opts = prometheus::Opts::new("load_lasts", "How long load lasts.");
        LoadLasts::new(IntGaugeVec::new(opts, &["mode"]).unwrap())
    }

    #[test]
    fn what_is_configured_goes_before_what_was_learned_and_that_before_the_assumption() {
        let lasts = lasts();
        assert_eq!(lasts.in_force(), (Lasts::Session, LastsSource::Assumed));
        lasts.learn(Lasts::Answer);
        assert_eq!(lasts.in_force(), (Lasts::Answer, LastsSource::Learned));
        assert_eq!(lasts.gauge.with_label_values(&["answer"]).get(), 1);
        assert_eq!(lasts.gauge.with_label_values(&["session"]).get(), 0);
        lasts.set_rule(config::Lasts::Fixed(Lasts::Session));
        assert_eq!(lasts.in_force(), (Lasts::Session, LastsSource::Configured));
        assert_eq!(lasts.gauge.with_label_values(&["answer"]).get(), 0);
        lasts.set_rule(config::Lasts::Auto);
        assert_eq!(lasts.in_force(), (Lasts::Answer, LastsSource::Learned));
    }
}
