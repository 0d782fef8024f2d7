"""`python3 -B -m book FOLDER`: copies the pages of the book there, for mdBook."""

import os
import sys

from book.stage import Stage

if len(sys.argv) != 2:
    sys.exit("usage: python3 -B -m book FOLDER")
stage = Stage(sys.argv[1], os.environ.get("BOOK_REPOSITORY"))
stage.fill()
print(f"{len(stage.pages)} pages and {len(stage.files)} files in {sys.argv[1]}")
