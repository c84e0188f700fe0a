"""Synthetic radiographs for the demo: drawn from shapes and chance, and marked as drawn.

From the inside out: `canvas` (coordinates, soft edges, strokes), `build` (what chance decides about
a patient), `skeleton` and `anatomy` (a healthy chest), `disease` (opacities), `film` (exposure and
the burnt-in label), `cohort` (who is drawn), `dataset` (the files), `command` (the command line).
"""
