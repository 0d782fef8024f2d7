"""The parts of the side-by-side bench, one idea a file. Standard library only; Linux only (/proc)."""
