"""Pure functions from figures to places on a page; templates draw them as inline SVG."""
