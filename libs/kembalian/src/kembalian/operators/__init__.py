"""The operators' commands on a live run, which they find by its run.json."""
