"""One file per group of measures; `catalogue.py` is the table of contents."""
