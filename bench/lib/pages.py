"""What measurements beside the peers have in common when a result with one table is shown: its first line, and its page."""


def measured(result, load):
    """The first line of a result: when and where it was measured, and `load`, what else the machine did."""
    facts = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (f"Measured on {result['date']} on {facts['cores']} cores ({facts['cpu']}), which also ran {load}: "
            f"{versions}.")


def page(block):
    """Makes the page of a result from `block(result)`, for `results.save`."""
    return lambda result, _: f"# {result['description'].capitalize()}\n\n{block(result)}\n"
