"""Reads counters from a page of Prometheus metrics."""


def total(page, name, **labels):
    """The sum of all series of a metric that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    found = 0.0
    for line in page.splitlines():
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] == name and all(pair in series for pair in wanted):
            found += float(value)
    return found
