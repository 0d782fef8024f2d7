"""Tables in Markdown."""


def table(head, rows, texts=1):
    """The lines of a table; the first `texts` columns hold text, the others hold numbers and are set to the right."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]
