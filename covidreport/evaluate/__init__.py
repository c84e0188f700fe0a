"""The main loop, and what becomes of its answers."""
