"""The links of a Markdown page, as far as the book needs them: where each stands, and where it leads."""

import re

# A block of code, or a span of it: what is in there is no link.
CODE = re.compile(r"(?ms)^(?P<fence> *(?:```+|~~~+)).*?^ *(?:```+|~~~+) *$|(?P<tick>`+).*?(?<!`)(?P=tick)(?!`)")
# `](target)`, also of a picture; and what HTML has in the pages: href, src, srcset.
LINK = re.compile(r'(?P<before>\]\(|\b(?:href|src|srcset)=")(?P<target>[^)\s"]+)')
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")


def code(text):
    """Where code is: pairs of the first character and the one behind the last."""
    return [match.span() for match in CODE.finditer(text)]


def found(text):
    """The links of a page to other places of this repository, as matches whose group is `target`."""
    spans = code(text)
    for match in LINK.finditer(text):
        at = match.start("target")
        if not any(first <= at < end for first, end in spans) and not ELSEWHERE.match(match["target"]):
            yield match


def relinked(text, change):
    """The page with each such target replaced by `change(target)`; where that is None, the link becomes its words."""
    parts, at = [], 0
    for match in found(text):
        target = change(match["target"])
        if target is None:
            # `[words](target)`: the bracket that belongs to it is the last one before it.
            opened = text.rindex("[", at, match.start())
            parts += [text[at:opened], text[opened + 1 : match.start()]]
            at = match.end() + 1
        else:
            parts += [text[at : match.start("target")], target]
            at = match.end("target")
    return "".join(parts) + text[at:]
