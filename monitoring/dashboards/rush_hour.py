"""*Rush hour*, from top to bottom: health, requests, balance, what the proxy knows of its substations, clients, gauges from
Prometheus, discovery, the substations themselves, the feeders above them, the store of a fleet, and the cost of the processes."""

from .panels import (
    BAD, GOOD, ODD, PLAIN, RATE, annotation, bars, dashboard, dashed, heatmap, lines, link, quantile, query, row, stat,
    table, text, timeline,
)

ONE = '{substation=~"$substation"}'
# A state is a label, but a timeline needs a number. It shows the worst state that any proxy reports.
STATES = {1: ("unknown", "text"), 2: ("up", GOOD), 3: ("stale", ODD), 4: ("draining", PLAIN), 5: ("ejected", "orange"),
          6: ("down", BAD)}
STATE = "max by (substation) ({})".format(" or ".join(
    f'{value} * switchyard_substation_state{{state="{word}", substation=~"$substation"}}'
    for value, (word, _) in STATES.items()))

HEALTH = row(
    "Health",
    (3, text("Cars request charges; the proxy sends each request to the substation with the most room for it. **Top to "
             "bottom:** health, requests, balance, what the proxy knows of its substations, the substations, cost. "
             "[Why did it choose](/d/switchyard-why) shows the reasons for its choices.")),
    (4,
     stat("Success", "The share of all requests that a substation answered.", [query(
         f"""sum(rate(switchyard_requests_total{{result=~"booked|answered"}}[{RATE}]))
             / (sum(rate(switchyard_requests_total[{RATE}])) > 0)""")],
          "percentunit", [(0, BAD), (0.95, ODD), (0.99, GOOD)], noValue="idle", decimals=2),
     stat("Requests", "The rate of requests.", [query(f"sum(rate(switchyard_requests_total[{RATE}]))")], "reqps"),
     stat("p99", "One request in a hundred takes longer.",
          [query(quantile(0.99, "switchyard_request_duration_seconds"))],
          "s", [(0, GOOD), (0.1, ODD), (0.25, BAD)], noValue="idle"),
     stat("Substations", "How many answer Prometheus, and how many discovery lists.",
          [query('sum(up{job="substation"})', "up"), query('count(up{job="substation"})', "listed")]),
     stat("Oldest sample", "The age of the oldest sample that the proxies use.",
          [query("max(substation:sample_age_seconds:max)")], "s", [(0, GOOD), (2, ODD), (5, BAD)]),
     stat("Alerts", "The number of firing alerts.",
          [query('count(ALERTS{alertstate="firing", alertname!="Watchdog"}) or vector(0)')],
          steps=[(0, GOOD), (1, BAD)])),
)

DEMAND = row(
    "Requests",
    (8,
     lines("Requests by result", "How many requests come in, and how do they end?",
           [query(f"sum by (result) (rate(switchyard_requests_total[{RATE}]))", "{{result}}")], "reqps", stacked=True),
     lines("Latency", "How long does a request take until the last byte of its answer?",
           [query(quantile(share, "switchyard_request_duration_seconds"), f"p{share * 100:g}", exemplar=share == 0.99)
            for share in (0.5, 0.9, 0.99)], "s", log=True)),
    (8,
     heatmap("Latency, all buckets", "Are there two kinds of requests, or one kind with a tail?",
             "switchyard_request_duration_seconds"),
     lines("Answered with an error, by reason", "Is the cause the client, the grid, or a substation?",
           [query(f"sum by (reason) (rate(switchyard_requests_rejected_total[{RATE}]))", "{{reason}}")],
           "reqps", stacked=True)),
)

BALANCE = row(
    "Is the load even?",
    (9,
     lines("Load and capacity", "How much load does each substation carry, and what is its capacity?",
           [query(f"max by (substation) (substation_current_load{ONE})", "{{substation}}"),
            query(f"max by (substation) (substation_capacity{ONE})", "{{substation}} capacity")],
           "kwatt", overrides=[dashed(".* capacity")]),
     bars("Utilisation", "Load ÷ capacity. With an even load all bars have the same length.",
          [query(f"substation:utilisation:ratio{ONE}", "{{substation}}")],
          "percentunit", [(0, GOOD), (0.85, ODD), (1, BAD)], min=0, max=1)),
    (8,
     lines("Choices by substation", "Which substations get the requests? Large and empty ones should get more.",
           [query(f"sum by (substation) (rate(switchyard_dispatch_decisions_total{ONE}[{RATE}]))", "{{substation}}")],
           "ops", stacked=True),
     lines("How even", "If all substations are equally full, max ÷ mean and Jain's index are 1, and the coefficient of "
           "variation is 0. Nothing is shown while they are almost idle.",
           [query("switchyard:imbalance:ratio", "max ÷ mean"),
            query("""sum(substation:utilisation:ratio) ^ 2 / (count(substation:utilisation:ratio)
                     * sum(substation:utilisation:ratio ^ 2)) and switchyard:utilisation:avg > 0.01""", "Jain"),
            query("""stddev(substation:utilisation:ratio) / switchyard:utilisation:avg
                     and switchyard:utilisation:avg > 0.01""", "coefficient of variation")], "none")),
)

KNOWLEDGE = row(
    "What does the proxy know of its substations?",
    (8,
     lines("Gauge minus what the proxy last read", "How far is the gauge from the proxy's last sample of it? Both are "
           "scraped at different moments, so a small difference is normal.",
           [query(f"""abs(max by (substation) (substation_current_load{ONE})
                      - on (substation) max by (substation) (switchyard_substation_observed_load{ONE}))""",
                  "{{substation}}")], "kwatt"),
     lines("Age of samples", "How old is the last sample of each substation?",
           [query(f"substation:sample_age_seconds:max{ONE}", "{{substation}}")], "s"),
     lines("Scrape duration (p99)", "Does a substation take long to answer a scrape?",
           [query(quantile(0.99, "switchyard_load_poll_duration_seconds", "substation", ONE), "{{substation}}")], "s")),
    (8,
     lines("Scrapes by outcome", "Do scrapes bring samples, and if not, why?",
           [query(f"sum by (outcome) (rate(switchyard_load_polls_total{ONE}[{RATE}]))", "{{outcome}}")],
           "ops", stacked=True),
     timeline("States", "In which state does the proxy have each substation?", [query(STATE, "{{substation}}")], STATES)),
)

DISCOVERY = row(
    "Discovery and configuration",
    (7,
     lines("Found by each source", "How many substations does each source list?",
           [query("max by (source) (switchyard_discovery_targets)", "{{source}}")]),
     lines("Answers of sources, by outcome", "Do the sources answer, and do they list substations?",
           [query(f"sum by (source, outcome) (rate(switchyard_discovery_refreshes_total[{RATE}]))",
                  "{{source}} {{outcome}}")], "ops", stacked=True),
     lines("Age of the last good answer",
           "How long ago did each source last give a valid answer? Up to its refresh interval is normal.",
           [query("""max by (source) (timestamp(switchyard_discovery_last_success_timestamp_seconds)
                     - switchyard_discovery_last_success_timestamp_seconds)""", "{{source}}")], "s")),
    (7,
     lines("Configurations since the start",
           "How many configurations has each proxy had in force? New substations from discovery count too.",
           [query("switchyard_config_version", "{{instance}}")]),
     lines("Reloads by outcome", "How often was the configuration read again, and was it accepted?",
           [query(f"sum by (outcome) (increase(switchyard_config_reloads_total[{RATE}]))", "{{outcome}}")],
           stacked=True)),
    collapsed=True,
)

SUBSTATIONS = row(
    "How are the substations?",
    (8,
     lines("Sessions", "How many cars are charging?",
           [query(f"sum by (substation) (substation_active_sessions{ONE})", "{{substation}}")], stacked=True),
     lines("Sessions started and ended", "Do sessions start faster than they end?",
           [query(f"sum(rate(substation_sessions_started_total{ONE}[{RATE}]))", "started"),
            query(f"sum by (reason) (rate(substation_sessions_ended_total{ONE}[{RATE}]))", "{{reason}}")], "ops"),
     lines("Charges by result", "How do the substations answer the charges that they get?",
           [query(f"sum by (result) (rate(substation_charge_requests_total{ONE}[{RATE}]))", "{{result}}")],
           "reqps", stacked=True)),
    (8,
     lines("Power and its limit", "How much power do the cars draw, and what is the limit?",
           [query(f"sum(substation_power_watts{ONE})", "drawn"),
            query(f"sum(substation_power_limit_watts{ONE})", "limit")], "watt", overrides=[dashed("limit")]),
     lines("Energy delivered", "How much energy flows, in simulated time? That is the power drawn times the time scale.",
           [query(f"sum by (substation) (rate(substation_energy_delivered_joules_total{ONE}[{RATE}]))",
                  "{{substation}}")], "watt", stacked=True),
     lines("Session duration", "How long were cars plugged in, in simulated time?",
           [query(quantile(share, "substation_session_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.9)], "s")),
)

FLEET = row(
    "What do the proxies share and keep?",
    (7,
     lines("Store", "Can each proxy use the store? 1 is yes. Proxies without a store have no line.",
           [query("switchyard_store_up", "{{instance}}")], max=1),
     lines("Calls to the store", "How long does a request with a key wait for the store?",
           [query(quantile(share, "switchyard_store_seconds"), f"p{share * 100:g}") for share in (0.5, 0.99)], "s", log=True),
     lines("Calls by proxy (p99)", "Does one proxy wait longer than the others?",
           [query("instance:store_seconds:p99", "{{instance}}")], "s")),
    (7,
     lines("Rate of calls", "How many calls does the store get?",
           [query(f"sum by (instance) (rate(switchyard_store_seconds_count[{RATE}]))", "{{instance}}")], "ops", stacked=True),
     lines("Calls without an answer", "Why did calls to the store bring no answer?",
           [query(f"sum by (kind) (rate(switchyard_store_errors_total[{RATE}]))", "{{kind}}")], "ops", stacked=True),
     lines("Keys not shared", "How many requests went by a proxy's own keys, because the store could not be asked?",
           [query(f"sum by (instance) (rate(switchyard_store_local_keys_total[{RATE}]))", "{{instance}}")], "ops"),
     lines("Age of the state file", "How much would a restart forget? Proxies that keep no state have no line.",
           [query("time() - (switchyard_state_written_timestamp_seconds > 0)", "{{instance}}")], "s")),
    collapsed=True,
)

FEEDERS = row(
    "Do the feeders hold?",
    (8,
     bars("Utilisation of feeders", "Estimated load ÷ what a feeder may bear: its capacity, or the limit in force. The "
          "fullest level above a substation binds it. Proxies without feeders have no bars.",
          [query("feeder:utilisation:ratio", "{{feeder}}")],
          "percentunit", [(0, GOOD), (0.85, ODD), (0.98, BAD)], min=0, max=1),
     lines("Measured and estimated load", "Does the estimate of each feeder follow what its meter, or its substations' "
           "gauges together, measure?",
           [query("max by (feeder) (switchyard_feeder_load)", "{{feeder}}"),
            query("max by (feeder) (switchyard_feeder_estimated_load)", "{{feeder}} estimated")],
           "kwatt", overrides=[dashed(".* estimated")])),
    (7,
     lines("Capacities and limits in force", "What may each feeder bear, and which limits are in force there and at "
           "substations?",
           [query("min by (feeder) (switchyard_feeder_limit)", "{{feeder}} limit"),
            query("min by (substation) (switchyard_substation_limit)", "{{substation}} limit"),
            query("min by (feeder) (switchyard_feeder_capacity)", "{{feeder}} capacity")],
           "kwatt", overrides=[dashed(".* capacity")]),
     lines("Age of the meters' samples", "How old is the last sample of each meter? Feeders without a meter have no line.",
           [query("max by (feeder) (switchyard_feeder_sample_age_seconds)", "{{feeder}}")], "s"),
     lines("Scrapes of meters by outcome", "Do the meters answer, and if not, why?",
           [query(f"sum by (outcome) (rate(switchyard_feeder_polls_total[{RATE}]))", "{{outcome}}")], "ops", stacked=True)),
    collapsed=True,
)

CLIENTS = row(
    "Who asks, and what is refused or lost?",
    (8,
     lines("Requests by client", "How many requests does each client in `clients` make, refused ones included?",
           [query(f"sum by (client) (rate(switchyard_client_requests_total[{RATE}]))", "{{client}}")], "reqps", stacked=True),
     lines("Over a client's rate or load", "Which clients get 429, and for what?",
           [query(f"sum by (client, reason) (rate(switchyard_client_refused_total[{RATE}]))", "{{client}} {{reason}}")],
           "reqps", stacked=True),
     lines("Load of clients", "How much load does each client have at once?",
           [query("sum by (client) (switchyard_client_load)", "{{client}}")], "kwatt", stacked=True)),
    (7,
     lines("Refused for who asks", "How many requests belong to no client (401, 403), or are more than their address may make "
           "(429)?",
           [query(f"""sum by (reason) (rate(switchyard_requests_rejected_total{{
                      reason=~"unauthorized|forbidden|rate_limited"}}[{RATE}]))""", "{{reason}}")], "reqps", stacked=True),
     lines("Requests by route", "How many requests come to each of the `routes`?",
           [query(f'sum by (route) (rate(switchyard_requests_total{{route!=""}}[{RATE}]))', "{{route}}")],
           "reqps", stacked=True),
     lines("Handshakes and PROXY headers", "How do TLS handshakes with clients end, and the headers of a balancer in front?",
           [query(f"sum by (result) (rate(switchyard_tls_handshakes_total[{RATE}]))", "TLS {{result}}"),
            query(f"sum by (result) (rate(switchyard_proxy_headers_total[{RATE}]))", "PROXY {{result}}")], "ops")),
    (7,
     lines("TLS to substations that fails", "Which substation's certificate is refused, and why?",
           [query(f"sum by (substation, reason) (rate(switchyard_upstream_tls_errors_total{ONE}[{RATE}]))",
                  "{{substation}} {{reason}}")], "ops", stacked=True),
     lines("Lines and spans that are lost", "Is the access log complete, and does the collector get all traces?",
           [query(f"sum by (reason) (rate(switchyard_access_log_dropped_total[{RATE}]))", "access log: {{reason}}"),
            query(f"sum by (reason) (rate(switchyard_trace_spans_dropped_total[{RATE}]))", "traces: {{reason}}")], "ops"),
     lines("Certificates", "How long are the certificates that clients and viewers are shown still valid?",
           [query("switchyard_tls_certificate_expiry_timestamp_seconds - time()", "{{instance}}"),
            query("switchyard_admin_tls_certificate_expiry_timestamp_seconds - time()", "{{instance}} admin port")], "s")),
    collapsed=True,
)

QUERIES = row(
    "Gauges from Prometheus",
    (7,
     lines("Rounds by outcome", "Does Prometheus answer, and if not, why? Proxies that scrape have no lines.",
           [query(f"sum by (outcome) (rate(switchyard_load_queries_total[{RATE}]))", "{{outcome}}")], "ops", stacked=True),
     lines("Duration of a round", "How long does an answer take?",
           [query(quantile(share, "switchyard_load_query_duration_seconds"), f"p{share * 100:g}") for share in (0.5, 0.99)],
           "s"),
     lines("Series and substations", "Does each substation have a series, and each series a substation?",
           [query("switchyard_load_query_series", "{{instance}} series"),
            query("switchyard_load_query_unmatched_series", "{{instance}} series of no substation"),
            query("switchyard_load_query_missing_substations", "{{instance}} substations without one")])),
    collapsed=True,
)

PROCESSES = row(
    "What does it cost?",
    (7,
     lines("Processor", "How many cores does each process use?",
           [query(f"rate(process_cpu_seconds_total[{RATE}])", "{{job}} {{instance}}")], "cores"),
     lines("Memory", "How much memory does each process hold?",
           [query("process_resident_memory_bytes", "{{job}} {{instance}}")], "bytes"),
     lines("Open files", "What share of the files that a proxy may open is open?",
           [query("instance:open_fds:ratio", "{{instance}}")], "percentunit")),
    (6,
     table("Versions", "Which version runs where?",
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
    "switchyard-rush-hour", "Rush hour", "Health, requests, and how evenly the load is spread.",
    [HEALTH, DEMAND, BALANCE, KNOWLEDGE, CLIENTS, QUERIES, DISCOVERY, SUBSTATIONS, FEEDERS, FLEET, PROCESSES], ANNOTATIONS,
    [link("Why did it choose", "switchyard-why")])
