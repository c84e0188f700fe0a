from covidreport.notebook import load

__all__ = ["__version__", "load"]

__version__: str
