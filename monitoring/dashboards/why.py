"""*Why did it choose*: the choices and their reasons, the knowledge behind them, how good they were in hindsight, and
what happened when the chosen substation could not take a request."""

from .panels import RATE, dashboard, heatmap, lines, link, quantile, query, row, stat, text
from .rush_hour import ANNOTATIONS, ONE

CHOICES = row(
    "What was chosen, and why?",
    (3, text("The substation with the lowest `(estimate + request) ÷ capacity` is chosen. The estimate is the last sample of "
             "its gauge plus the load that the sample cannot include yet. **Top to bottom:** choices and reasons, the "
             "knowledge behind them, how good they were, and retries. `/decisions` on the admin port lists single choices "
             "with all candidates.")),
    (8,
     lines("Choices by reason", "Did the policy decide, chance among equals, or an exception?",
           [query(f"sum by (reason) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{reason}}")],
           "ops", stacked=True),
     lines("Choices by substation", "Which substations were chosen?",
           [query(f"sum by (substation) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{substation}}")],
           "ops", stacked=True)),
    (8,
     lines("Duration of a choice", "How long does it take to compare all substations and reserve?",
           [query(quantile(share, "switchyard_dispatch_decision_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.99)], "s"),
     lines("Share of a gap",
           "What share of a gap between substations does each proxy fill? 1 for a single proxy; the sum is about 1.",
           [query("switchyard_dispatch_load_share", "{{instance}}"),
            query("sum(switchyard_dispatch_load_share)", "all")], "percentunit")),
)

KNOWLEDGE = row(
    "What did the proxy know?",
    (8,
     heatmap("Age of the chosen substation's sample", "How old was the sample behind each choice?",
             "switchyard_dispatch_sample_age_seconds"),
     lines("Age of samples", "How old is the last sample of each substation?",
           [query(f"substation:sample_age_seconds:max{ONE}", "{{substation}}")], "s")),
    (8,
     lines("Estimate", "How much load does the proxy estimate for each substation now?",
           [query(f"max by (substation) (switchyard_substation_estimated_load{ONE})", "{{substation}}")], "kwatt"),
     lines("Unseen load",
           "How much of the estimate is newer than the last sample? Bookings add to it, and each sample resets it.",
           [query(f"max by (substation) (switchyard_substation_unseen_load{ONE})", "{{substation}}")], "kwatt"),
     lines("Known capacity", "Which capacity does the proxy use for each substation?",
           [query(f"max by (substation) (switchyard_substation_known_capacity{ONE})", "{{substation}}")], "kwatt")),
    (8,
     lines("Loads reported on answers", "Do substations report their load on answers, and are the reports used?",
           [query(f"sum by (outcome) (rate(switchyard_load_reports_total{ONE}[{RATE}]))", "{{outcome}}")], "ops"),
     lines("Slow start", "Which substations still get less than a full share of the requests? 1 is a full share.",
           [query(f"min by (substation) (switchyard_substation_share{ONE})", "{{substation}}")], "percentunit", max=1)),
)

HINDSIGHT = row(
    "How good were the choices?",
    (8,
     heatmap("Regret", "When new samples came: how much fuller was the substation that the proxy believed to be the "
             "emptiest than the one that was?", "switchyard_dispatch_regret_utilisation", "percentunit"),
     lines("Regret (p50, p99)", "The same as quantiles.",
           [query(quantile(share, "switchyard_dispatch_regret_utilisation"), f"p{share * 100:g}")
            for share in (0.5, 0.99)], "percentunit"),
     lines("Resulting balance", "Max ÷ mean utilisation. 1 is even.",
           [query("switchyard:imbalance:ratio", "max ÷ mean")], "none")),
)

RETRIES = row(
    "What if the chosen substation could not?",
    (8,
     lines("Retries by reason", "Why was a request sent again, to another substation or to the same?",
           [query(f"sum by (reason) (rate(switchyard_failovers_total[{RATE}]))", "{{reason}}")], "ops", stacked=True),
     lines("Requests to substations by outcome", "How did requests to substations end?",
           [query(f"sum by (outcome) (rate(switchyard_upstream_requests_total{ONE}[{RATE}]))", "{{outcome}}")],
           "ops", stacked=True),
     lines("Latency of substations (p99)", "Which substations are slow to book?",
           [query(quantile(0.99, "switchyard_upstream_duration_seconds", "substation", ONE), "{{substation}}")], "s")),
    (8,
     lines("Waiting for capacity", "How many requests wait in the queue because no substation has capacity?",
           [query("sum(switchyard_admission_waiting)", "waiting")]),
     lines("Queue by result", "Do requests that wait get capacity?",
           [query(f"sum by (result) (rate(switchyard_admission_waits_total[{RATE}]))", "{{result}}")], "ops"),
     lines("Requests on shared connections", "Which share of the requests shares a connection with others?",
           [query(f"sum by (substation) (rate(switchyard_upstream_shared_total{ONE}[{RATE}])) / "
                  f"sum by (substation) (rate(switchyard_upstream_requests_total{ONE}[{RATE}]))", "{{substation}}")],
           "percentunit"),
     stat("Idempotency keys", "How many Idempotency-Keys are tied to a substation, which must get their repetitions?",
          [query("sum(switchyard_idempotency_keys)")])),
)

DASHBOARD = dashboard(
    "switchyard-why", "Why did it choose", "The choices, the knowledge behind them, and how good they were.",
    [CHOICES, KNOWLEDGE, HINDSIGHT, RETRIES], ANNOTATIONS, [link("Rush hour", "switchyard-rush-hour")])
