"""Changes the code in one place at a time and counts the changes that a test notices."""
