"""Documents with blocks that a command writes, each between two marks: what stands around them stays as it is."""


def split(text, name):
    """What stands before a block, the block, and the rest."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    before, mark, rest = text.partition(begin)
    own, closed, after = rest.partition(end)
    if not mark or not closed:
        raise ValueError(f"no block between <!-- {name} --> and <!-- /{name} -->")
    return before + begin, own, end + after


def replaced(text, name, block):
    """The document with another block."""
    before, _, after = split(text, name)
    return before + block + after
