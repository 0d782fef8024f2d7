//! The top of the page: the most important figures, and warnings.

use maud::{Markup, html};

use crate::format::{decimal, grouped, grouped_decimal, time_span};
use crate::number::real;
use crate::report::{Peak, Report};

/// A figure with its name and an explanation.
struct Card {
    name: &'static str,
    figure: String,
    more: String,
    /// The class of the figure: `good`, `warn`, `bad`, or none.
    class: &'static str,
}

impl Card {
    fn new(name: &'static str, figure: String, more: String) -> Self {
        Self {
            name,
            figure,
            more,
            class: "",
        }
    }

    fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// The most important figures.
pub(super) fn cards(report: &Report) -> Markup {
    let mut cards = outcomes(report);
    cards.extend(latencies(report));
    cards.push(energy(report));
    cards.extend(balance(report));
    html! {
        div class="cards" {
            @for card in cards {
                dl class="card" {
                    dt { (card.name) }
                    dd class=(card.class) { (card.figure) }
                    dd { (card.more) }
                }
            }
        }
    }
}

fn outcomes(report: &Report) -> Vec<Card> {
    let percent = |count: u64| format!("{} %", decimal(100.0 * report.part_of(real(count)), 2));
    let (refused, lost) = (report.refused(), report.unanswered());
    vec![
        Card::new(
            "Offered",
            grouped(report.offered.requests),
            format!("{}/s on average", decimal(report.offered.rate, 1)),
        ),
        Card::new(
            "Booked",
            grouped(report.succeeded()),
            percent(report.succeeded()),
        ),
        Card::new(
            "Refused for lack of capacity",
            grouped(refused),
            percent(refused),
        )
        .class(if refused > 0 { "warn" } else { "" }),
        Card::new(
            "Lost, without an answer",
            grouped(lost),
            format!("{} errors in total", grouped(report.errors())),
        )
        .class(if lost > 0 { "bad" } else { "good" }),
    ]
}

fn latencies(report: &Report) -> Vec<Card> {
    let Some(latency) = &report.latency_seconds else {
        return Vec::new();
    };
    vec![
        Card::new(
            "p50 latency",
            time_span(latency.p50),
            format!("mean {}", time_span(latency.mean)),
        ),
        Card::new(
            "p99 latency",
            time_span(latency.p99),
            format!("max {}", time_span(latency.max)),
        ),
    ]
}

fn energy(report: &Report) -> Card {
    let whole = |kwh: f64| match kwh {
        kwh if kwh < 10_000.0 => format!("{} kWh", grouped_decimal(kwh.round())),
        kwh => format!("{} MWh", grouped_decimal((kwh / 1000.0).round())),
    };
    let energy = report.energy_kwh;
    let asked = format!("of {} asked for", whole(energy.asked));
    Card::new("Energy booked", whole(energy.booked), asked)
}

/// How full the substations were, and how even.
fn balance(report: &Report) -> Vec<Card> {
    let figure = |Peak {
                      peak,
                      time_weighted,
                  }: Peak,
                  scale: f64,
                  digits,
                  unit: &str| {
        let text = |value: f64| format!("{}{unit}", decimal(scale * value, digits));
        (text(peak), text(time_weighted))
    };
    let mut cards = Vec::new();
    let Some(grid) = &report.grid else {
        return cards;
    };
    if let Some(utilisation) = grid.utilisation {
        let (peak, mean) = figure(utilisation, 100.0, 1, " %");
        cards.push(Card::new(
            "Peak utilisation",
            peak,
            format!("mean over time {mean}"),
        ));
    }
    if let Some(imbalance) = grid.imbalance {
        let (peak, mean) = figure(imbalance, 1.0, 3, "");
        cards.push(Card::new(
            "Imbalance: highest ÷ mean utilisation",
            mean,
            format!("peak {peak}; 1 is even"),
        ));
    }
    if let Some(spread) = grid.spread_points {
        let (peak, mean) = figure(spread, 1.0, 2, " points");
        cards.push(Card::new(
            "Peak spread: highest − lowest utilisation",
            peak,
            format!("mean over time {mean}"),
        ));
    }
    cards
}

/// Warnings, checks, and whether the counters agree, in sentences.
pub(super) fn notices(report: &Report) -> Markup {
    let mut notices = Vec::new();
    for bottleneck in &report.tester.bottlenecks {
        notices.push((
            "bad",
            format!("The load generator limited the result. {bottleneck}"),
        ));
    }
    for remark in &report.remarks {
        notices.push(("warn", remark.clone()));
    }
    let unanswered = report.unanswered();
    if unanswered > 0 && report.latency_seconds.is_some() {
        let shown =
            |seconds: Option<f64>| seconds.map_or_else(|| "not answered".to_owned(), time_span);
        let p99 = shown(report.latency_of_all_seconds.and_then(|all| all.p99));
        notices.push((
            "warn",
            format!(
                "The latencies are those of answers. {} requests had none; counted as slower than any answer, they make \
                 the p99 of all requests: {p99}.",
                grouped(unanswered)
            ),
        ));
    }
    for check in &report.checks {
        let (class, result) = if check.passed {
            ("good", "Passed")
        } else {
            ("bad", "Failed")
        };
        let (condition, found) = (&check.fail_if, &check.found);
        notices.push((
            class,
            format!("{result}: fail if {condition}. Found {found}."),
        ));
    }
    if let Some(grid) = report
        .grid
        .as_ref()
        .filter(|grid| grid.capacity_violations.is_some_and(|over| over > 0))
    {
        let violations = grid.capacity_violations.unwrap_or(0);
        let readings = grid.looks;
        notices.push((
            "bad",
            format!(
                "A substation was above its capacity {violations} times in {readings} readings."
            ),
        ));
    }
    if let Some(grid) = report.grid.as_ref().filter(|grid| grid.failed_looks > 0) {
        let (failed, all) = (grid.failed_looks, grid.looks + grid.failed_looks);
        notices.push((
            "warn",
            format!(
                "{} of {} readings lacked the load of a substation, and are in no figure.",
                grouped(failed),
                grouped(all)
            ),
        ));
    }
    if let Some(counters) = &report.counters {
        notices.push(if counters.agree && counters.not_measured.is_empty() {
            let booked = grouped(counters.tester_booked);
            (
                "good",
                format!(
                    "Load generator, proxy and substations counted the same, to the request: {booked} bookings."
                ),
            )
        } else if counters.agree {
            ("good", format!("Counters: {counters}."))
        } else if counters.differences.is_empty() {
            ("warn", format!("Counters: {counters}."))
        } else {
            ("bad", format!("The counts differ: {counters}."))
        });
    }
    html! {
        div class="notices" {
            @for (class, text) in notices {
                p class={ "notice " (class) } { span { (text) } }
            }
        }
    }
}
