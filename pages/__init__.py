"""The documentation as a site: docs/ in the order of what people want to do, and the reference.

    python -m pages                  # `make docs`: writes build/docs and builds build/site from it

What can be generated is: commands, settings, the Python API and the schemas of files. mkdocs runs
in an environment of its own (the extra `docs`), and knows nothing of covidreport.
"""
