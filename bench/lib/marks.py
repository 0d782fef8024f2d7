"""Blocks of a document that a command writes. Each stands between <!-- NAME --> and <!-- /NAME -->."""


def split(text, name):
    """The text before the block, the block, and the text after it; the marks belong to the text around it."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    before, mark, rest = text.partition(begin)
    own, closed, after = rest.partition(end)
    if not mark or not closed:
        raise ValueError(f"no block between <!-- {name} --> and <!-- /{name} -->")
    return before + begin, own, end + after


def replaced(text, name, block):
    """The document with a new block; the text around it stays."""
    before, _, after = split(text, name)
    return before + block + after
