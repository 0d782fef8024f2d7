"""docs/command-line.md, from the manual pages."""

import unittest

from book import manual

SAMPLE = r"""
.ie \n(.g .ds Aq \(aq
.el .ds Aq '
.TH switchyard-run 1  "switchyard 0.1.0" "Switchyard"
.SH NAME
switchyard\-run \- Run the proxy (the default command)
.SH SYNOPSIS
\fBswitchyard run\fR [\fB\-c\fR|\fB\-\-config\fR] [\fB\-h\fR|\fB\-\-help\fR]
.SH DESCRIPTION
Run the proxy (the default command)
.SH OPTIONS
.TP
\fB\-c\fR, \fB\-\-config\fR \fI<FILE>\fR [default: config/switchyard.yaml]
The configuration file (YAML)
.TP
\fB\-\-upgrade\fR
Take over the sockets
.sp
It doesn\*(Aqt wait, see http://HOST:PORT, or
.RS 14
.IP \(bu 2
one
.IP \(bu 2
two
.RE
.TP
\fB\-h\fR, \fB\-\-help\fR
Print help
.SH EXAMPLES
.PP
.nf
switchyard run \-\-config a_b.yaml
.fi
.SH "EXIT STATUS"
.TP
\fB0\fR
stopped by a <signal>
""".strip("\n")

WANTED = """\
### switchyard run

Run the proxy (the default command).

```text
switchyard run [-c|--config]
```

**Options**

- `-c, --config <FILE> [default: config/switchyard.yaml]`:
  The configuration file (YAML)
- `--upgrade`:
  Take over the sockets

  It doesn't wait, see `http://HOST:PORT`, or
  - one
  - two

**Examples**

```text
switchyard run --config a_b.yaml
```

**Exit status**

- `0`:
  stopped by a \\<signal>"""


class Command(unittest.TestCase):
    def test_a_manual_page_becomes_a_section(self):
        self.maxDiff = None
        self.assertEqual(manual.command("switchyard run", SAMPLE, 3), WANTED)

    def test_a_macro_that_is_not_known_is_no_text(self):
        with self.assertRaises(ValueError):
            manual.Body([".XX a"])


class Page(unittest.TestCase):
    def test_it_is_what_the_manual_pages_say(self):
        self.assertEqual(
            manual.PAGE.read_text(encoding="utf-8").splitlines(),
            manual.page().splitlines(),
            "`make reference` writes it anew",
        )
