"""Runs sealed for data that can't move, and the counts that come back of them."""
