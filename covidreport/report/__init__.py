"""Reports of what was evaluated: evidence to sections, sections to text in each format."""
