"""What a run folder, an image, a cache or a disk may hold, tried against the real command.

`python -m benchmarks.hostile` prints one row a kind: how many were tried, and what became of them.
`--code DIR` tries another checkout, such as the one before a change: a zero says something only
where the same trial was not always one.
"""
