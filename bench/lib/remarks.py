"""What a reader has to know before believing a table."""

# Above this share of foreign CPU the latencies and rates say as much about the neighbours.
FOREIGN_CPU_LIMIT = 0.05
# More late starts than this, and the generator of load is what was measured.
LATE_LIMIT = 0.01


def remarks(rows, noted):
    """One line each; `noted` is what was noted on the way."""
    found = [f"{row['way']} at {row['point']}: {row['invalid']} of {row['invalid'] + row['rounds']} rounds had errors and do "
             "not count" for row in rows if row["invalid"]]
    found += _worst(rows, "foreign_cpu", FOREIGN_CPU_LIMIT, "other programs took up to {worst:.0%} of the machine ({where}): do "
                    "not trust rates and latencies")
    found += _worst(rows, "late", LATE_LIMIT, "up to {worst:.1%} of the requests of a constant rate left more than 1 ms late "
                    "({where}): those latencies hold some of the tester's own")
    return found + noted


def _worst(rows, measure, limit, text):
    above = [row for row in rows if (row[measure] or 0) > limit]
    if not above:
        return []
    where = f"{len(above)} of {len(rows)} rows" if len(above) > 3 else ", ".join(f"{row['way']} at {row['point']}" for row in above)
    return [text.format(worst=max(row[measure] for row in above), where=where)]
