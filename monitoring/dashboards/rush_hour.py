"""*Rush hour*: one story from top to bottom. Is it well; what is asked of it; how evenly does it carry that; does it
see its substations as they are, and all of them; how are they; and what does all this cost."""

from .parts import (
    BAD, GOOD, ODD, PLAIN, RATE, annotation, bars, dashboard, dashed, heatmap, lines, link, quantile, query, row, stat,
    table, text, timeline,
)

ONE = '{substation=~"$substation"}'
# A state is a label; a timeline wants a number. The worst that any proxy sees is the one that is shown.
STATES = {1: ("unknown", "text"), 2: ("up", GOOD), 3: ("stale", ODD), 4: ("draining", PLAIN), 5: ("ejected", "orange"),
          6: ("down", BAD)}
STATE = "max by (substation) ({})".format(" or ".join(
    f'{value} * switchyard_substation_state{{state="{word}", substation=~"$substation"}}'
    for value, (word, _) in STATES.items()))

WELL = row(
    "Is it well?",
    (3, text("Cars ask, the proxy sends each to the substation that can best take it. **Top to bottom:** is it well? What is "
             "asked of it? Is the load even? Does the proxy see the truth? How are the substations? What does it cost? "
             "Why a choice was made is on [Why did it choose](/d/switchyard-why).")),
    (4,
     stat("Success", "The part of all requests that a substation answered.", [query(
         f"""sum(rate(switchyard_requests_total{{result=~"booked|answered"}}[{RATE}]))
             / (sum(rate(switchyard_requests_total[{RATE}])) > 0)""")],
          "percentunit", [(0, BAD), (0.95, ODD), (0.99, GOOD)], noValue="idle", decimals=2),
     stat("Requests", "How many come in.", [query(f"sum(rate(switchyard_requests_total[{RATE}]))")], "reqps"),
     stat("p99", "One request in a hundred takes longer.",
          [query(quantile(0.99, "switchyard_request_duration_seconds"))],
          "s", [(0, GOOD), (0.1, ODD), (0.25, BAD)], noValue="idle"),
     stat("Substations", "How many answer Prometheus, of how many that are known.",
          [query('sum(up{job="substation"})', "up"), query('count(up{job="substation"})', "known")]),
     stat("Oldest sample", "The age of the oldest load that choices are made from.",
          [query("max(substation:sample_age_seconds:max)")], "s", [(0, GOOD), (2, ODD), (5, BAD)]),
     stat("Alerts", "How many fire.",
          [query('count(ALERTS{alertstate="firing", alertname!="Watchdog"}) or vector(0)')],
          steps=[(0, GOOD), (1, BAD)])),
)

DEMAND = row(
    "What is asked of it?",
    (8,
     lines("Requests by result", "What comes in, and what becomes of it?",
           [query(f"sum by (result) (rate(switchyard_requests_total[{RATE}]))", "{{result}}")], "reqps", stacked=True),
     lines("Latency", "How long does a request take, to the last byte of its answer?",
           [query(quantile(share, "switchyard_request_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.9, 0.99)], "s", log=True)),
    (8,
     heatmap("Latency, all of it", "Are there two kinds of requests, or one with a tail?",
             "switchyard_request_duration_seconds"),
     lines("Answered with an error, by reason", "Whose fault is it: the client's, the grid's, a substation's?",
           [query(f"sum by (reason) (rate(switchyard_requests_rejected_total[{RATE}]))", "{{reason}}")],
           "reqps", stacked=True)),
)

BALANCE = row(
    "Is the load even?",
    (9,
     lines("Load and capacity", "How much does each bear, and how much can it?",
           [query(f"max by (substation) (substation_current_load{ONE})", "{{substation}}"),
            query(f"max by (substation) (substation_capacity{ONE})", "{{substation}} capacity")],
           "kwatt", overrides=[dashed(".* capacity")]),
     bars("Utilisation", "Load ÷ capacity: the bars should be of one length.",
          [query(f"substation:utilisation:ratio{ONE}", "{{substation}}")],
          "percentunit", [(0, GOOD), (0.85, ODD), (1, BAD)], min=0, max=1)),
    (8,
     lines("Choices by substation", "Who gets the requests? The larger and the emptier more.",
           [query(f"sum by (substation) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{substation}}")],
           "ops", stacked=True),
     lines("How even", "Max ÷ mean and Jain's index are 1 if all are equally full, the coefficient of variation is 0. "
           "Idle substations have no balance to speak of.",
           [query("switchyard:imbalance:ratio", "max ÷ mean"),
            query("""sum(substation:utilisation:ratio) ^ 2 / (count(substation:utilisation:ratio)
                     * sum(substation:utilisation:ratio ^ 2)) and switchyard:utilisation:avg > 0.01""", "Jain"),
            query("""stddev(substation:utilisation:ratio) / switchyard:utilisation:avg
                     and switchyard:utilisation:avg > 0.01""", "coefficient of variation")], "none")),
)

TRUTH = row(
    "Does the proxy see the truth?",
    (8,
     lines("Gauge minus what the proxy last read", "How far apart are the substation and the proxy's picture of it? "
           "Both are scraped, not at the same moment: some is as it should be.",
           [query(f"""abs(max by (substation) (substation_current_load{ONE})
                      - on (substation) max by (substation) (switchyard_substation_observed_load{ONE}))""",
                  "{{substation}}")], "kwatt"),
     lines("Age of samples", "How old is what the proxy knows?",
           [query(f"substation:sample_age_seconds:max{ONE}", "{{substation}}")], "s"),
     lines("Looking takes (p99)", "Is a substation slow to show its gauge?",
           [query(quantile(0.99, "switchyard_load_poll_duration_seconds", "substation", ONE), "{{substation}}")], "s")),
    (8,
     lines("Looks by outcome", "Do they bring a sample, and if not, why?",
           [query(f"sum by (outcome) (rate(switchyard_load_polls_total{ONE}[{RATE}]))", "{{outcome}}")],
           "ops", stacked=True),
     timeline("States", "In what state has the proxy each?", [query(STATE, "{{substation}}")], STATES)),
)

FOUND = row(
    "Does it know who is there?",
    (7,
     lines("Found by each source", "How many substations does each source of them name?",
           [query("max by (source) (switchyard_discovery_targets)", "{{source}}")]),
     lines("Answers of sources, by outcome", "Does each answer when it is asked, and with something?",
           [query(f"sum by (source, outcome) (rate(switchyard_discovery_refreshes_total[{RATE}]))",
                  "{{source}} {{outcome}}")], "ops", stacked=True),
     lines("Age of the last good answer",
           "How long ago did each last give an answer that could be taken? Up to its refresh is as it should be.",
           [query("""max by (source) (timestamp(switchyard_discovery_last_success_timestamp_seconds)
                     - switchyard_discovery_last_success_timestamp_seconds)""", "{{source}}")], "s")),
    (7,
     lines("Configurations since the start", "How many has each proxy had in force? What its sources find is part of it.",
           [query("switchyard_config_version", "{{instance}}")]),
     lines("Read again, by outcome", "How often was the configuration read anew, and was it taken?",
           [query(f"sum by (outcome) (increase(switchyard_config_reloads_total[{RATE}]))", "{{outcome}}")],
           stacked=True)),
    collapsed=True,
)

SUBSTATIONS = row(
    "How are the substations?",
    (8,
     lines("Sessions", "How many cars charge?",
           [query(f"sum by (substation) (substation_active_sessions{ONE})", "{{substation}}")], stacked=True),
     lines("Sessions begun and ended", "Does it fill or empty?",
           [query(f"sum(rate(substation_sessions_started_total{ONE}[{RATE}]))", "begun"),
            query(f"sum by (reason) (rate(substation_sessions_ended_total{ONE}[{RATE}]))", "{{reason}}")], "ops"),
     lines("Charges by result", "What do the substations themselves say to what is sent them?",
           [query(f"sum by (result) (rate(substation_charge_requests_total{ONE}[{RATE}]))", "{{result}}")],
           "reqps", stacked=True)),
    (8,
     lines("Power and its limit", "How much is drawn, of how much?",
           [query(f"sum(substation_power_watts{ONE})", "drawn"),
            query(f"sum(substation_power_limit_watts{ONE})", "limit")], "watt", overrides=[dashed("limit")]),
     lines("Energy delivered", "How much flows? In simulated time: so many times the power drawn as time runs faster.",
           [query(f"sum by (substation) (rate(substation_energy_delivered_joules_total{ONE}[{RATE}]))",
                  "{{substation}}")], "watt", stacked=True),
     lines("Sessions last", "How long were cars plugged in, in simulated time?",
           [query(quantile(share, "substation_session_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.9)], "s")),
)

PROCESSES = row(
    "What does it cost?",
    (7,
     lines("Processor", "How many cores does each process use?",
           [query(f"rate(process_cpu_seconds_total[{RATE}])", "{{job}} {{instance}}")], "cores"),
     lines("Memory", "How much does each hold?", [query("process_resident_memory_bytes", "{{job}} {{instance}}")],
           "bytes"),
     lines("Open files", "Of those that a proxy may open, how many are?",
           [query("instance:open_fds:ratio", "{{instance}}")], "percentunit")),
    (6,
     table("Versions", "What runs where?",
           [query("switchyard_build_info", instant=True, format="table"),
            query("substation_build_info", instant=True, format="table")])),
    collapsed=True,
)

ANNOTATIONS = [
    annotation("Alerts", 'ALERTS{alertstate="firing", alertname!="Watchdog"}', "{{alertname}}", "{{substation}}", BAD),
    annotation("States", f"""sum by (substation, to)
               (increase(switchyard_substation_state_transitions_total[{RATE}])) > 0""",
               "{{substation}} → {{to}}", "", ODD),
    annotation("Configuration", f"changes(switchyard_config_last_reload_success_timestamp_seconds[{RATE}]) > 0",
               "New configuration", "{{instance}}", PLAIN),
    annotation("Starts", f'changes(process_start_time_seconds{{job=~"switchyard|substation"}}[{RATE}]) > 0',
               "{{job}} started", "{{instance}}", PLAIN),
]

DASHBOARD = dashboard(
    "switchyard-rush-hour", "Rush hour", "Is it well, what is asked of it, and how evenly does it carry that?",
    [WELL, DEMAND, BALANCE, TRUTH, FOUND, SUBSTATIONS, PROCESSES], ANNOTATIONS, [link("Why did it choose", "switchyard-why")])
