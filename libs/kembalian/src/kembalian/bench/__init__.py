"""`make bench`: what the house does per second, beside what its machine could do at most."""
