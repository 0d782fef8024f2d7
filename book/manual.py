"""docs/command-line.md from the manual pages: `python3 -B -m book.manual` writes it.

The manual pages are made from the programs' command lines, and a test of each program compares them. So this needs no
program, and says what `--help` says.
"""

import re

from book.stage import ROOT

FOLDER = ROOT / "docs" / "man"
PAGE = ROOT / "docs" / "command-line.md"
PROGRAMS = ("switchyard", "requester", "substation")
# The order within a program is the alphabet's, but for its own page, which is first.
HEAD = """\
# Command line

For operators and for writers of scripts: every command of the three programs, as `--help` and the manual pages say it.

`make reference` writes this page from the [manual pages](man), and a test fails while it differs.
[Configuration](configuration.md) says what is in the file, and [Operations](operations.md) what to do with the programs.
"""
# What the page has no use for: the title is the heading, and the pages beside it are on this page.
LEFT_OUT = {"NAME", "SEE ALSO", "SUBCOMMANDS", "VERSION"}
ESCAPES = {r"\-": "-", r"\&": "", r"\e": "\\", r"\(aq": "'", r"\*(Aq": "'", r"\ ": " ", r"\\": "\\"}


def words(text):
    """A line of roff without its escapes, and without its fonts."""
    text = re.sub(r"\\f[BIRP]", "", text)
    text = re.sub(r"\\\[u([0-9A-F]+)\]", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r"\\(?:\(aq|\*\(Aq|.)", lambda match: ESCAPES.get(match[0], match[0]), text)


def sections(text):
    """The sections of a manual page: title and lines."""
    found = []
    for line in text.splitlines():
        if line.startswith(".SH"):
            found.append((words(line[3:]).strip().strip('"'), []))
        elif found:
            found[-1][1].append(line)
    return found


def prose(text):
    """Text as Markdown: what would be markup there is escaped, and addresses are code, since they are examples."""

    def part(word):
        if word.startswith("`"):
            return word
        return f"`{word}`" if word.startswith("http") and "://" in word else re.sub(r"([<*\[|])", r"\\\1", word)

    return "".join(map(part, re.split(r"(`[^`]*`|https?://[^\s,;)]*[^\s,;).])", text)))


class Body:
    """The lines of a section as Markdown."""

    def __init__(self, lines):
        self.out = []
        self.code = None
        self.term = self.item = self.bullet = False
        self.fresh = False
        for line in lines:
            self.take(line)
        self.end_code()

    def take(self, line):
        macro = line.split(" ", 1)[0]
        if macro == ".nf":
            self.code = []
        elif macro == ".fi":
            self.end_code()
        elif self.code is not None:
            self.code.append("" if macro == ".sp" else words(line))
        elif macro == ".TP":
            self.term = True
            self.bullet = False
        elif macro in (".PP", ".sp", ".br"):
            self.fresh = True
        elif macro == ".IP":
            self.bullet = True
        elif macro in (".RS", ".RE", ".ie", ".el"):
            pass
        elif line.startswith("."):
            raise ValueError(f"not known: {line}")
        elif self.term:
            self.out.append(f"- `{words(line).strip()}`:")
            self.term, self.item, self.fresh = False, True, False
        elif self.bullet:
            self.out.append(("  - " if self.item else "- ") + prose(words(line).strip()))
            self.bullet = False
        else:
            self.text(words(line).strip())

    def text(self, line):
        if not line:
            return
        if self.fresh and self.out:
            self.out.append("")
        self.out.append(("  " if self.item else "") + prose(line))
        self.fresh = False

    def end_code(self):
        if self.code:
            self.out += ["", "```text", *self.code, "```", ""]
        self.code = None

    def markdown(self):
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(self.out))
        # Every command has it.
        return re.sub(r"(?m)^- `-h, --help`:\n(  .*\n?)*", "", text).strip()


def command(name, text, depth):
    """A command as a section of the page."""
    found = sections(text)
    (summary,) = [lines for title, lines in found if title == "NAME"]
    summary = words(" ".join(line for line in summary if not line.startswith("."))).split(" - ", 1)[1].strip()
    parts = [f"{'#' * depth} {name}", f"{prose(summary)}."]
    for title, lines in found:
        if title == "SYNOPSIS":
            line = " ".join(words(line) for line in lines if not line.startswith("."))
            line = line.replace("[-h|--help] ", "").replace(" [-h|--help]", "")
            parts.append(f"```text\n{re.sub(' +', ' ', line).strip()}\n```")
        elif title not in LEFT_OUT:
            body = Body(lines).markdown()
            if title == "DESCRIPTION":
                # Its first line is the summary again.
                first, _, rest = body.partition("\n")
                body = rest.strip() if first.rstrip(".") == prose(summary) else body
            elif body:
                body = f"**{title.capitalize()}**\n\n{body}"
            if body:
                parts.append(body)
    return "\n\n".join(parts)


def page():
    """The page, from the manual pages that are there."""
    parts = [HEAD]
    for program in PROGRAMS:
        pages = {path.stem: path for path in FOLDER.glob(f"{program}*.1")}
        for name in [program, *sorted(set(pages) - {program})]:
            text = pages[name].read_text(encoding="utf-8")
            shown = name.replace("-", " ", 1) if name != program else name
            parts.append(command(shown, text, 2 if name == program else 3) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
