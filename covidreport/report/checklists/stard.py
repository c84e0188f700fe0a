"""STARD 2015, for studies of diagnostic accuracy: 30 items."""

from __future__ import annotations

from covidreport.report.checklists.items import Checklist, Item, Part

STARD = Checklist(
    "STARD 2015",
    "Bossuyt et al., “STARD 2015: an updated list of essential items for reporting diagnostic "
    "accuracy studies”, BMJ 351 (2015) h5527, doi:10.1136/bmj.h5527",
    (
        Part("Title and abstract", (
            Item("1", "Named as a study of accuracy, with a measure of it"),
            Item("2", "Structured abstract"),
        )),
        Part("Introduction", (
            Item("3", "Background; intended use and role of the model"),
            Item("4", "Objectives and hypotheses"),
        )),
        Part("Methods", (
            Item("5", "Prospective or retrospective"),
            Item("6", "Who was eligible", ("study-exclusions",)),
            Item("7", "How eligible patients were found"),
            Item("8", "Where and when", ("study-setting", "study-dates")),
            Item("9", "Consecutive, random or convenience series", ("study-sampling",)),
            Item("10a", "The model, so that it can be run again",
                 ("run-1-settings", "provenance")),
            Item("10b", "The reference standard, so that it can be repeated",
                 ("study-reference-standard",)),
            Item("11", "Why this reference standard"),
            Item("12a", "Thresholds of the model, and whether they were fixed beforehand",
                 ("methods-thresholds", "provenance")),
            Item("12b", "Cut-offs of the reference standard"),
            Item("13a", "What was known to those who ran or read the model"),
            Item("13b", "What was known to those who judged the reference standard"),
            Item("14", "How accuracy was estimated and compared",
                 ("methods-intervals", "methods-comparisons")),
            Item("15", "How answers that are neither yes nor no were handled",
                 ("methods-counts",)),
            Item("16", "How missing answers and missing truth were handled",
                 ("methods-counts", "flow")),
            Item("17", "Analyses of variability", ("subgroups",)),
            Item("18", "Intended sample size, and where it comes from"),
        )),
        Part("Results", (
            Item("19", "Flow of patients, as a diagram", ("flow",)),
            Item("20", "Who the patients are", ("table-1",)),
            Item("21a", "How severe the disease is in those who have it"),
            Item("21b", "What the others have", ("table-1",)),
            Item("22", "Time and treatment between model and reference standard"),
            Item("23", "Answers against truth, as a table of counts", ("matrices", "ranking")),
            Item("24", "Accuracy with its precision", ("ranking",)),
            Item("25", "Harm done by model or reference standard"),
        )),
        Part("Discussion", (
            Item("26", "Limitations: bias, uncertainty, generalisability", ("findings",)),
            Item("27", "What it means for practice"),
        )),
        Part("Other information", (
            Item("28", "Registration", ("study-registration",)),
            Item("29", "Where the protocol is", ("study-registration",)),
            Item("30", "Funding, and the funders’ role", ("study-funding",)),
        )),
    ),
)  # fmt: skip
