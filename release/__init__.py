"""What goes out of this house: names, versions, builds. Not part of the package.

python -m release names          # owner and version as pyproject.toml and the package say them
"""
