"""Compares drawn reports as a reader sees them: what a change of the code did to HTML and Markdown.

    python -m benchmarks.drawn_reports --draw before/
    python -m benchmarks.drawn_reports --draw after/ --runs before/runs
    python -m benchmarks.drawn_reports before/ after/

Drawn are the published study, the demo, sixty runs and, where COVIDREPORT_CXR names their folder,
real radiographs. A report is read back from its HTML or Markdown, never from the code that drew it,
as sections of sentences, facts, tables, charts and pictures. Classes, ids, styles and scripts are
not read, but for the marks of a row and the data that the page's script is given.
"""
