"""What a PromQL expression speaks of, found by a parser of the language and not by patterns."""

import re

import promql_parser as promql

COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
# What Grafana puts in before it asks.
VARIABLES = {"$__rate_interval": "20s", "$substation": ".*"}


def filled(expression):
    """The expression as Grafana would send it, with all substations chosen."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def nodes(expression):
    """The expression and all expressions inside it."""
    node = promql.parse(filled(expression)) if isinstance(expression, str) else expression
    yield node
    inside = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for child in (*inside, *(getattr(node, "args", None) or [])):
        if child is not None:
            yield from nodes(child)


def selectors(expression):
    """All series that it reads, as selectors."""
    return [node for node in nodes(expression) if isinstance(node, promql.VectorSelector)]


def metrics(expression):
    """The names of all metrics that it reads."""
    return {selector.name for selector in selectors(expression)}


def quantities(expression):
    """What is measured where an expression, such as an alert's, has no value as long as all is well: the left side of each
    comparison, and the series that must not be absent. Each of them has data on a system that is well."""
    node = promql.parse(filled(expression)) if isinstance(expression, str) else expression
    if isinstance(node, promql.BinaryExpr):
        operator = str(node.op)
        if operator in COMPARISONS:
            return quantities(node.lhs)
        if operator in ("and", "or", "unless"):
            return quantities(node.lhs) + quantities(node.rhs)
    if isinstance(node, promql.ParenExpr):
        return quantities(node.expr)
    if isinstance(node, promql.Call) and node.func.name == "absent":
        return [node.args[0].prettify()]
    return [node.prettify()]


def labels(selector):
    """The labels that a selector asks for, with what is asked of each."""
    return re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', selector.prettify())
