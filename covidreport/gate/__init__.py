"""Judges a run by limits and a baseline: pass, fail or inconclusive. Runs nothing."""
