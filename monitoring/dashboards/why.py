"""*Why did it choose*: what was decided, from what knowledge, how right that was in hindsight, and what became of
choices that could not be carried out."""

from .parts import RATE, dashboard, heatmap, lines, link, quantile, query, row, stat, text
from .rush_hour import ANNOTATIONS, ONE

DECIDED = row(
    "What was decided, and why?",
    (3, text("The lowest `(estimate + request) ÷ capacity` wins; the estimate is the last sample of a substation's gauge "
             "and what that can't know yet. **Top to bottom:** what was decided, and why? From what knowledge? Was it right? And what if "
             "the chosen one could not? Single choices with all their candidates: `/decisions` on the admin port.")),
    (8,
     lines("Choices by reason", "Was it what the policy looks for, chance among equals, or something out of the ordinary?",
           [query(f"sum by (reason) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{reason}}")],
           "ops", stacked=True),
     lines("Choices by substation", "Who was chosen?",
           [query(f"sum by (substation) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{substation}}")],
           "ops", stacked=True)),
    (8,
     lines("A choice takes", "How long does it take to look at all of them and reserve?",
           [query(quantile(share, "switchyard_dispatch_decision_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.99)], "s"),
     lines("Share of a gap", "How much of a gap between substations does each proxy fill? 1 while it is alone; together about 1.",
           [query("switchyard_dispatch_load_share", "{{instance}}"),
            query("sum(switchyard_dispatch_load_share)", "all")], "percentunit")),
)

KNOWLEDGE = row(
    "From what knowledge?",
    (8,
     heatmap("Age of the chosen one's sample", "How old was what the choice was made from?",
             "switchyard_dispatch_sample_age_seconds"),
     lines("Age of samples", "How old is what is known of each?",
           [query(f"substation:sample_age_seconds:max{ONE}", "{{substation}}")], "s")),
    (8,
     lines("Estimate", "What is each believed to bear now?",
           [query(f"max by (substation) (switchyard_substation_estimated_load{ONE})", "{{substation}}")], "kwatt"),
     lines("Unseen load", "How much of that can the last sample not know? Own bookings since: it saws between samples.",
           [query(f"max by (substation) (switchyard_substation_unseen_load{ONE})", "{{substation}}")], "kwatt"),
     lines("Known capacity", "What does each choice reckon that they can bear?",
           [query(f"max by (substation) (switchyard_substation_known_capacity{ONE})", "{{substation}}")], "kwatt")),
    (8,
     lines("Loads told on answers", "Do substations say their load by themselves, and is it taken?",
           [query(f"sum by (outcome) (rate(switchyard_load_reports_total{ONE}[{RATE}]))", "{{outcome}}")], "ops"),
     lines("Part of a share", "Who is coming back slowly? 1 is a whole share.",
           [query(f"min by (substation) (switchyard_substation_share{ONE})", "{{substation}}")], "percentunit", max=1)),
)

RIGHT = row(
    "Was it right?",
    (8,
     heatmap("Regret", "How much fuller than the emptiest was, in hindsight, the one that was thought the emptiest? "
             "In parts of a capacity.", "switchyard_dispatch_regret_utilisation", "percentunit"),
     lines("Regret (p50, p99)", "The same as lines.",
           [query(quantile(share, "switchyard_dispatch_regret_utilisation"), f"p{share * 100:g}")
            for share in (0.5, 0.99)], "percentunit"),
     lines("How even it came out", "Max ÷ mean utilisation: 1 is even.",
           [query("switchyard:imbalance:ratio", "max ÷ mean")], "none")),
)

COULD_NOT = row(
    "And if the chosen one could not?",
    (8,
     lines("Sent once more, by reason", "Why did a request go on to another substation, or to the same one again?",
           [query(f"sum by (reason) (rate(switchyard_failovers_total[{RATE}]))", "{{reason}}")], "ops", stacked=True),
     lines("Exchanges by outcome", "How did what was sent end?",
           [query(f"sum by (outcome) (rate(switchyard_upstream_requests_total{ONE}[{RATE}]))", "{{outcome}}")],
           "ops", stacked=True),
     lines("An exchange takes (p99)", "Who is slow to book?",
           [query(quantile(0.99, "switchyard_upstream_duration_seconds", "substation", ONE), "{{substation}}")], "s")),
    (8,
     lines("Waiting for room", "How many stand in line where none has room?",
           [query("sum(switchyard_admission_waiting)", "waiting")]),
     lines("The line, by result", "Does waiting help?",
           [query(f"sum by (result) (rate(switchyard_admission_waits_total[{RATE}]))", "{{result}}")], "ops"),
     lines("Sent together with others", "Does a substation answer so promptly that requests share its connections?",
           [query(f"sum by (substation) (rate(switchyard_upstream_shared_total{ONE}[{RATE}])) / "
                  f"sum by (substation) (rate(switchyard_upstream_requests_total{ONE}[{RATE}]))", "{{substation}}")],
           "percentunit"),
     stat("Keys remembered", "How many Idempotency-Keys have a substation that must be asked again?",
          [query("sum(switchyard_idempotency_keys)")])),
)

DASHBOARD = dashboard(
    "switchyard-why", "Why did it choose", "What was decided, from what knowledge, and was it right?",
    [DECIDED, KNOWLEDGE, RIGHT, COULD_NOT], ANNOTATIONS, [link("Rush hour", "switchyard-rush-hour")])
