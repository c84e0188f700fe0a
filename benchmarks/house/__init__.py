"""What the code measures as a house: its size, its longest parts, its circles, its comments.

    python -m benchmarks.house
    python -m benchmarks.house --against ae22a2a --demo demo/runs --names

Reads the source of a tree and imports none of it, so that any commit can be measured. Functions
count from `def` to their last line; a parameter is any but `self` and `cls`. A comment is a line
that holds nothing else, and no order to a tool. Circles are groups of rooms, or of files of one
room, that import each other, whichever way and wherever the import stands. What the figures of the
ranking pass are the files of `report` that its section imports, directly or not.
"""
