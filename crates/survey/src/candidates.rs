//! The gauges that look like a load.

use std::collections::BTreeSet;

use switchyard_balance::Load;

use crate::{
    Known, Page, Unit,
    known::{CAPACITIES, KNOWN, NEVER, NEVER_ENDS, USUAL},
};

/// A gauge, or a sum of gauges, that may be the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// As `load.metric` has it: a name, or several with `+` between them.
    pub metric: String,
    /// How many of the pages show all of it.
    pub pages: usize,
    /// How many series match, on all pages together.
    pub series: usize,
    /// Whether a page has several series of one name, so that they have to be combined.
    pub is_several: bool,
    /// What it counts.
    pub unit: Unit,
    /// The program that it is of, if that is known.
    pub known: Option<&'static Known>,
    /// The gauge of the capacity, if a page shows it.
    pub capacity: Option<String>,
    /// Whether its name says that it is a load: others are gauges, and that is all.
    pub is_likely: bool,
}

/// The gauges on these pages that may be the load, the likeliest first. What is no load somewhere (a counter, NaN, a
/// negative number) is left out.
#[must_use]
pub fn candidates(pages: &[&Page]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for known in &KNOWN {
        all.extend(sum(pages, known));
    }
    let names: BTreeSet<&str> = pages.iter().flat_map(|page| page.names()).collect();
    let is_told = |name: &str| {
        let of_known = KNOWN
            .iter()
            .any(|known| known.load.contains(&name) || known.capacity == Some(name));
        of_known || is_capacity(name) || is_never(name)
    };
    let mut usual: Vec<_> = names
        .iter()
        .filter(|name| !is_told(name))
        .filter_map(|name| single(pages, name))
        .collect();
    // More pages first, and of names that say it in different words the usual one.
    usual.sort_by_key(|(rank, one)| (!one.is_likely, usize::MAX - one.pages, *rank));
    all.extend(usual.into_iter().map(|(_, one)| one));
    all
}

fn sum(pages: &[&Page], known: &'static Known) -> Option<Candidate> {
    let whole = |page: &&&Page| {
        let mut terms = known.load.iter();
        terms.all(|name| page.of(name).next().is_some())
    };
    let of = pages.iter().filter(whole).copied().collect::<Vec<_>>();
    let first = of.first()?;
    let all_are_loads = |page: &&Page| known.load.iter().all(|name| is_load(page, name));
    if !of.iter().all(all_are_loads) {
        return None;
    }
    let counts = of.iter().flat_map(|page| {
        let terms = known.load.iter();
        terms.map(move |name| page.of(name).count())
    });
    let counts: Vec<_> = counts.collect();
    let capacity = known.capacity.filter(|name| is_load(first, name));
    Some(Candidate {
        metric: known.load.join(" + "),
        pages: of.len(),
        series: counts.iter().sum(),
        is_several: counts.iter().any(|count| *count > 1),
        unit: known.unit,
        known: Some(known),
        capacity: capacity.map(str::to_owned),
        is_likely: true,
    })
}

/// A candidate of one name, and its rank among the usual names.
fn single(pages: &[&Page], name: &str) -> Option<(usize, Candidate)> {
    let of: Vec<_> = pages
        .iter()
        .filter(|page| page.of(name).next().is_some())
        .collect();
    if !of.iter().all(|page| is_load(page, name)) {
        return None;
    }
    let counts: Vec<_> = of.iter().map(|page| page.of(name).count()).collect();
    let usual = USUAL
        .iter()
        .enumerate()
        .find(|(_, (end, _))| name.ends_with(end) || name == end.trim_start_matches('_'));
    let candidate = Candidate {
        metric: name.to_owned(),
        pages: of.len(),
        series: counts.iter().sum(),
        is_several: counts.iter().any(|count| *count > 1),
        unit: usual.map_or(Unit::Other, |(_, (_, unit))| *unit),
        known: None,
        capacity: of
            .first()
            .filter(|_| usual.is_some())
            .and_then(|page| capacity_of(page, name)),
        is_likely: usual.is_some(),
    };
    Some((usual.map_or(usize::MAX, |(rank, _)| rank), candidate))
}

/// Whether all series of this name are loads, and there is one.
fn is_load(page: &Page, name: &str) -> bool {
    let is_load = |value: f64| value.is_finite() && Load::new(value).is_some();
    page.no_gauge(name).is_none()
        && page.of(name).next().is_some()
        && page.of(name).all(|one| is_load(one.value))
}

/// The gauge of the capacity that belongs to the load `name`: among the gauges whose names say capacity, it is that whose
/// name begins as `name` does.
fn capacity_of(page: &Page, name: &str) -> Option<String> {
    let stem = |name: &str| name.split(['_', ':']).next().map(str::to_owned);
    let fits = |other: &&str| {
        is_capacity(other) && stem(other) == stem(name) && is_load(page, other) && *other != name
    };
    let names = page.names();
    let mut fitting = names.into_iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Some(one.to_owned()),
        // Which of several it is can't be told.
        _ => None,
    }
}

fn is_capacity(name: &str) -> bool {
    CAPACITIES
        .iter()
        .any(|end| name.ends_with(end) || name == end.trim_start_matches('_'))
}

fn is_never(name: &str) -> bool {
    NEVER.iter().any(|start| name.starts_with(start))
        || NEVER_ENDS.iter().any(|end| name.ends_with(end))
        || name == "up"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pages: &[&str]) -> Vec<Candidate> {
        let pages: Vec<_> = pages
            .iter()
            .map(|page| Page::read(page.as_bytes()))
            .collect();
        candidates(&pages.iter().collect::<Vec<_>>())
    }

    fn names(pages: &[&str]) -> Vec<String> {
        let found = found(pages).into_iter();
        found.map(|one| one.metric).collect()
    }

    #[test]
    fn vllm_is_the_sum_of_what_runs_and_what_waits() {
        let page = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine=\"0\"} 1\n\
            vllm:num_requests_running{engine=\"1\"} 2\nvllm:num_requests_waiting{engine=\"0\"} 0\n\
            vllm:num_requests_waiting{engine=\"1\"} 0\nvllm:kv_cache_usage_perc 0.5\n";
        let all = found(&[page, page]);
        let best = all.first().unwrap();
        assert_eq!(
            best.metric,
            "vllm:num_requests_running + vllm:num_requests_waiting"
        );
        assert_eq!(
            (best.pages, best.series, best.is_several, best.unit),
            (2, 8, true, Unit::Requests)
        );
        assert!(best.known.unwrap().is_openai);
        // The others are offered, and not taken.
        assert_eq!(all.iter().filter(|one| one.is_likely).count(), 1);
        assert_eq!(all.last().unwrap().metric, "vllm:kv_cache_usage_perc");
    }

    #[test]
    fn a_substation_has_its_capacity() {
        let all = found(&[
            "substation_current_load 5\nsubstation_capacity 500\nsubstation_active_sessions 1\n",
        ]);
        let best = all.first().unwrap();
        assert_eq!(best.capacity.as_deref(), Some("substation_capacity"));
        assert_eq!(best.metric, "substation_current_load");
    }

    #[test]
    fn usual_names_come_in_their_order_and_more_pages_first() {
        assert_eq!(
            names(&[
                "game_players 3\ngame_max_players 16\nhttp_requests_in_flight 1\nsome_temperature 5\n",
                "game_players 3\ngame_max_players 16\n",
            ]),
            [
                "game_players",
                "http_requests_in_flight",
                "some_temperature"
            ]
        );
        let all = found(&["game_players 3\ngame_max_players 16\n"]);
        let best = all.first().unwrap();
        assert_eq!(best.capacity.as_deref(), Some("game_max_players"));
        assert_eq!(best.unit, Unit::Sessions);
    }

    #[test]
    fn what_is_no_load_or_of_the_program_itself_is_no_candidate() {
        assert_eq!(
            names(&[
                "process_open_fds 5\ngo_goroutines 3\npromhttp_metric_handler_requests_in_flight 1\nup 1\nx_info 1\n\
                 a_total 5\n# TYPE b counter\nb 1\nc_in_flight NaN\nd_in_flight -1\ne_in_flight 5e12\nheap_bytes 1\n\
                 good_in_flight 2\n"
            ]),
            ["good_in_flight"]
        );
        // On one page a load, on another none.
        assert_eq!(names(&["a_in_flight 1\n", "a_in_flight NaN\n"]), [""; 0]);
        assert_eq!(names(&[""]), [""; 0]);
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn which_of_several_capacities_is_meant_is_not_guessed() {
        let all = found(&["game_players 3\ngame_max_players 16\ngame_slots 20\n"]);
        assert_eq!(all.first().unwrap().capacity, None);
    }

    #[test]
    fn ten_thousand_series_are_looked_at_in_a_moment() {
        use std::fmt::Write as _;
        let mut page = String::new();
        for at in 0..10_000 {
            let _ = writeln!(page, "some_gauge_{at}{{n=\"{at}\"}} {at}");
        }
        page.push_str("lone_in_flight 2\n");
        assert_eq!(names(&[&page]).first().unwrap(), "lone_in_flight");
    }
}
