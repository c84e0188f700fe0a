"""Which chest X-ray classifier misses the fewest COVID-19 patients, and is that luck?"""

__version__ = "0.1.0"
