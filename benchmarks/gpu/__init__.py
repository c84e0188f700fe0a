"""A card measured: the table of images a second, and fifteen checks that each ask one question."""
