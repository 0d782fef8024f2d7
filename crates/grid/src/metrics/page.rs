//! The counters of substations on the metrics page.

use enum_map::{EnumArray, EnumMap};
use strum::VariantArray;
use switchyard_balance::{Policy, Reason};
use switchyard_telemetry::{Count, Family, Label, Page};

use super::{GridMetrics, SUBSTATION, SubstationMetrics};

type Labelled<'a> = (Label<'a>, &'a SubstationMetrics);

impl GridMetrics {
    /// Writes the counters of all substations.
    pub fn write(&self, page: &mut Page) {
        // Copied, so that no reload waits for the page.
        let all: Vec<_> = self.substations.lock().values().cloned().collect();
        let all: Vec<Labelled<'_>> = all
            .iter()
            .map(|one| (Label::new(&one.name), &**one))
            .collect();
        decisions(page, &all);
        let mut family = page.counters(
            "upstream_requests_total",
            "Charges sent to a substation, by how the exchange ended.",
        );
        by_variant(&mut family, (SUBSTATION, "outcome"), &all, |one| {
            &one.upstream
        });
        page.counters(
            "upstream_shared_total",
            "Charges sent to a substation over a connection with other charges under way.",
        )
        .lines(
            SUBSTATION,
            None,
            all.iter().map(|(label, one)| (label, one.shared.get())),
        );
        page.histograms(
            "upstream_duration_seconds",
            "From the choice of a substation to the end of its answer.",
        )
        .times(
            SUBSTATION,
            all.iter()
                .map(|(label, one)| (label, &one.upstream_seconds)),
        );
        let mut family = page.counters(
            "load_polls_total",
            "Scrapes of a substation's load gauge, by outcome.",
        );
        by_variant(&mut family, (SUBSTATION, "outcome"), &all, |one| &one.polls);
        let mut family = page.counters(
            "load_reports_total",
            "Loads that a substation reported on its answers, by what became of them.",
        );
        by_variant(&mut family, (SUBSTATION, "outcome"), &all, |one| {
            &one.reports
        });
        page.histograms(
            "load_poll_duration_seconds",
            "How long a scrape of the load gauge takes.",
        )
        .times(
            SUBSTATION,
            all.iter().map(|(label, one)| (label, &one.poll_seconds)),
        );
        let mut family = page.counters(
            "substation_state_transitions_total",
            "Changes of a substation's state, by the new state.",
        );
        by_variant(&mut family, (SUBSTATION, "to"), &all, |one| {
            &one.transitions
        });
        let mut family = page.counters(
            "failures_excused_total",
            "Failed charges that were not held against the substation, by reason.",
        );
        by_variant(&mut family, (SUBSTATION, "reason"), &all, |one| {
            &one.excused
        });
        let secured: Vec<_> = all
            .iter()
            .filter_map(|(label, one)| Some((label.clone(), &**one.tls_errors.get()?)))
            .collect();
        let mut family = page.counters(
            "upstream_tls_errors_total",
            "TLS connections to a substation that could not be made, by reason.",
        );
        by_variant(&mut family, (SUBSTATION, "reason"), &secured, |one| one);
    }
}

fn decisions(page: &mut Page, all: &[Labelled<'_>]) {
    let mut family = page.counters(
        "dispatch_decisions_total",
        "Choices of a substation, by reason.",
    );
    let mut lines = |reason: &str, count: &dyn Fn(&SubstationMetrics) -> Option<u64>| {
        let lines = all
            .iter()
            .filter_map(|(label, one)| Some((label, count(one)?)));
        family.lines(SUBSTATION, Some(("reason", reason)), lines);
    };
    for reason in Reason::ALL {
        if let Some(name) = reason.own_name() {
            lines(name, &|one| one.chosen.get(reason as usize).map(Count::get));
        }
    }
    lines("key", &|one| Some(one.chosen_by_key.get()));
    for policy in Policy::ALL {
        lines(policy.name(), &|one| {
            let counter = one.by_policy.get(policy as usize)?;
            one.is_prepared(policy).then(|| counter.get())
        });
    }
}

/// Lines for each of `all` and each variant of `E`, whose names are the values of these two labels. Outcomes with the
/// same name are one.
pub(crate) fn by_variant<T, E>(
    family: &mut Family<'_>,
    (of, label): (&str, &str),
    all: &[(Label<'_>, &T)],
    counts: impl Fn(&T) -> &EnumMap<E, Count>,
) where
    E: EnumArray<Count> + VariantArray + Copy + Into<&'static str>,
{
    let name = |variant: &E| -> &'static str { (*variant).into() };
    for (at, variant) in E::VARIANTS.iter().enumerate() {
        let (before, from_here) = E::VARIANTS.split_at(at);
        if before.iter().any(|other| name(other) == name(variant)) {
            continue;
        }
        let same = || {
            from_here
                .iter()
                .filter(|other| name(other) == name(variant))
        };
        let total = |one: &T| {
            same()
                .map(|variant| counts(one)[*variant].get())
                .sum::<u64>()
        };
        let lines = all.iter().map(|(label, one)| (label, total(one)));
        family.lines(of, Some((label, name(variant))), lines);
    }
}
