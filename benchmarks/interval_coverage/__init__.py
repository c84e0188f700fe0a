"""How often 95 % intervals hold the truth: see `__main__`."""
