//! Makes Prometheus families and registers them, in one step.
//!
//! There is no global registry: each proxy has its own, so a test reads only what it caused. Each crate declares its
//! own families with a [`Registrar`] and keeps the handles; this crate defines no metric. Counting through a handle is
//! one atomic addition. Gauges of current state are set when the page is rendered, so they are free between scrapes.
//! Families with a series for each substation are written in another way: see [`Page`].

mod open_metrics;
mod page;
mod wall_clock;

use enum_map::{EnumArray, EnumMap};
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, core::Collector,
};

pub use open_metrics::{Exemplar, Exemplars, OPEN_METRICS, open_metrics};
pub use page::{Count, Family, Label, Number, Page, Times};
pub use prometheus::Error;
pub use wall_clock::{Stamps, WallClock};

/// Makes a family and registers it, in one step. Every method fails if the name is taken or invalid.
#[derive(Clone, Copy, Debug)]
pub struct Registrar<'a>(&'a Registry);

impl<'a> Registrar<'a> {
    /// Registers with `registry`.
    #[must_use]
    pub const fn new(registry: &'a Registry) -> Self {
        Self(registry)
    }

    /// Registers an existing collector.
    pub fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    /// One counter.
    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.add(IntCounter::new(name, help)?)
    }

    /// One gauge of whole numbers.
    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.add(IntGauge::new(name, help)?)
    }

    /// A counter for each set of labels.
    pub fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A gauge of whole numbers for each set of labels.
    pub fn int_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, Error> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A gauge for each set of labels.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        self.add(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A gauge of seconds since the Unix epoch for each set of labels: when something happened last. It follows the wall
    /// clock, and a series exists from its first event on.
    pub fn stamps(&self, name: &str, help: &str, labels: &[&str]) -> Result<Stamps, Error> {
        let family = GaugeVec::new(Opts::new(name, help), labels)?;
        self.add(Stamps::new(family))
    }

    /// One histogram with these upper bounds.
    pub fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Result<Histogram, Error> {
        self.add(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets),
        )?)
    }

    /// A histogram for each set of labels, all with these upper bounds.
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: Vec<f64>,
    ) -> Result<HistogramVec, Error> {
        self.add(HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets),
            labels,
        )?)
    }
}

/// A counter for each variant of `E`, whose name is the value of the family's last label; `first` are the label values
/// before it. All series exist from now on, so that a rate over them has no gap.
#[must_use]
pub fn counter_by<E>(family: &IntCounterVec, first: &[&str]) -> EnumMap<E, IntCounter>
where
    E: EnumArray<IntCounter> + Into<&'static str>,
{
    EnumMap::from_fn(|variant: E| family.with_label_values(&labels(first, variant)))
}

/// Removes the series of [`counter_by`]. A missing series is no error.
pub fn forget_by<E>(family: &IntCounterVec, first: &[&str])
where
    E: strum::VariantArray + Copy + Into<&'static str>,
{
    for variant in E::VARIANTS {
        let _ = family.remove_label_values(&labels(first, *variant));
    }
}

fn labels<'a>(first: &[&'a str], last: impl Into<&'static str>) -> Vec<&'a str> {
    let mut labels = first.to_vec();
    labels.push(last.into());
    labels
}

/// Histogram bounds for the duration of a proxied request, in seconds: 50 µs · 2ⁿ up to 3.3 s. A proxy adds well under
/// a millisecond, and beyond three seconds every duration is too long alike.
#[must_use]
pub fn request_buckets() -> Vec<f64> {
    (0..17).map(|n| 50e-6 * 2_f64.powi(n)).collect()
}

#[cfg(test)]
mod tests {
    use enum_map::Enum;
    use strum::{IntoStaticStr, VariantArray};

    use super::*;

    #[derive(Clone, Copy, Enum, IntoStaticStr, VariantArray)]
    #[strum(serialize_all = "snake_case")]
    enum Ending {
        Ok,
        NotFound,
    }

    #[test]
    fn a_counter_belongs_to_its_variant_until_it_is_removed() {
        let registry = Registry::new();
        let family = Registrar::new(&registry)
            .counters("ended_total", "Endings.", &["source", "outcome"])
            .unwrap();
        let counters = counter_by::<Ending>(&family, &["a"]);
        counters[Ending::NotFound].inc();
        assert_eq!(family.with_label_values(&["a", "not_found"]).get(), 1);
        assert_eq!(registry.gather()[0].get_metric().len(), 2);
        forget_by::<Ending>(&family, &["a"]);
        forget_by::<Ending>(&family, &["a"]);
        assert!(registry.gather().is_empty());
    }

    #[test]
    fn a_name_is_registered_once() {
        let registry = Registry::new();
        let make = Registrar::new(&registry);
        make.gauge("open", "Open ones.").unwrap();
        assert!(make.gauge("open", "Open ones.").is_err());
    }
}
