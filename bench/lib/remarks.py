"""Cautions for the reader of a table."""

# Above this share of foreign CPU time, latencies and rates say as much about the other programs.
FOREIGN_CPU_LIMIT = 0.05
# Above this share of late requests, the load generator itself was measured.
LATE_LIMIT = 0.01


def remarks(rows, noted):
    """All cautions, one line each; `noted` are those from during the run."""
    found = [f"{row['way']} at {row['point']}: {row['invalid']} of {row['invalid'] + row['rounds']} rounds had errors and do "
             "not count" for row in rows if row["invalid"]]
    void = sum(row["noisy"] for row in rows)
    if void:
        counted = [f"{row['way']} at {row['point']}" for row in rows if row["noisy_counted"]]
        found.append(f"{void} cells are void, because others used the machine or its speed changed while they were measured, "
                     "also when they were measured again" + (f"; there is nothing better than them for {', '.join(counted)}" if counted else ""))
    found += _worst(rows, "foreign_cpu", FOREIGN_CPU_LIMIT, "other programs took up to {worst:.0%} of the machine ({where}): do "
                    "not trust rates and latencies")
    found += _worst(rows, "late", LATE_LIMIT, "up to {worst:.1%} of the requests of a constant rate left more than 1 ms late "
                    "({where}): those latencies include delays of the load generator")
    return found + noted


def _worst(rows, measure, limit, text):
    above = [row for row in rows if (row[measure] or 0) > limit]
    if not above:
        return []
    where = f"{len(above)} of {len(rows)} rows" if len(above) > 3 else ", ".join(f"{row['way']} at {row['point']}" for row in above)
    return [text.format(worst=max(row[measure] for row in above), where=where)]
