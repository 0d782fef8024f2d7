"""What a PromQL expression reads, found by a parser of the language."""

import re

import promql_parser as promql

COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
# Variables that Grafana replaces before it sends a query.
VARIABLES = {"$__rate_interval": "20s", "$substation": ".*"}


def filled(expression):
    """The expression as Grafana would send it, with all substations selected."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def nodes(expression):
    """The expression and all of its subexpressions."""
    node = promql.parse(filled(expression)) if isinstance(expression, str) else expression
    yield node
    inside = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for child in (*inside, *(getattr(node, "args", None) or [])):
        if child is not None:
            yield from nodes(child)


def selectors(expression):
    """All selectors in an expression."""
    return [node for node in nodes(expression) if isinstance(node, promql.VectorSelector)]


def metrics(expression):
    """The names of all metrics that an expression reads."""
    return {selector.name for selector in selectors(expression)}


def quantities(expression):
    """The measured expressions of an alert: the left side of each comparison, and the argument of `absent`.

    An alert's own expression has no value while nothing is wrong; these have one on a healthy system.
    """
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
    """The labels that a selector matches: (label, value)."""
    return re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', selector.prettify())
