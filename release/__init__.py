"""What goes out of this house: names, versions, builds. Not part of the package.

python -m release names          # owner and version as pyproject.toml and the package say them
python -m release cut 0.2.0      # `make release VERSION=0.2.0`; publishes nothing
python -m release versions       # `make test-versions`
python -m release oldest         # constraints-oldest.txt anew
"""
