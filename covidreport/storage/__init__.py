"""What the files of a run folder are: the identity of a model, the contract of a run."""
