"""CLAIM, the 2024 update, for artificial intelligence in medical imaging: 44 items."""

from __future__ import annotations

from covidreport.report.checklists.items import Checklist, Item, Part

CLAIM = Checklist(
    "CLAIM 2024",
    "Tejani et al., “Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 "
    "update”, Radiology: Artificial Intelligence 6 (2024) e240300, doi:10.1148/ryai.240300",
    (
        Part("Title and abstract", (
            Item("1", "Named as a study of AI, with the kind of it"),
            Item("2", "Structured abstract"),
        )),
        Part("Introduction", (
            Item("3", "Background; intended use and role"),
            Item("4", "Aims and hypotheses"),
        )),
        Part("Methods: study design", (
            Item("5", "Prospective or retrospective"),
            Item("6", "Goal of the study"),
        )),
        Part("Methods: data", (
            Item("7", "Where the data come from", ("study-setting", "provenance")),
            Item("8", "Who was included and excluded", ("study-exclusions",)),
            Item("9", "How data were prepared", ("run-1-settings",)),
            Item("10", "Which parts of the data were taken", ("flow",)),
            Item("11", "De-identification"),
            Item("12", "Missing data", ("methods-counts", "flow")),
            Item("13", "How images were acquired"),
        )),
        Part("Methods: reference standard", (
            Item("14", "The reference standard", ("study-reference-standard",)),
            Item("15", "Why this reference standard"),
            Item("16", "Who annotated"),
            Item("17", "How the test set was annotated"),
            Item("18", "How far annotators agree"),
        )),
        Part("Methods: partitions", (
            Item("19", "How data were assigned to training and testing"),
            Item("20", "What is disjoint between them: images, patients, centres"),
        )),
        Part("Methods: testing data", (
            Item("21", "Intended sample size"),
        )),
        Part("Methods: model", (
            Item("22", "The model in detail", ("run-1-settings",)),
            Item("23", "Software and its versions", ("provenance",)),
            Item("24", "How parameters were initialised"),
            Item("25", "How it was trained", ("run-1-settings",)),
            Item("26", "How the final model was selected"),
            Item("27", "How models were put together to ensembles"),
        )),
        Part("Methods: evaluation", (
            Item("28", "Measures of performance", ("methods-figures",)),
            Item("29", "Significance and uncertainty",
                 ("methods-intervals", "methods-comparisons")),
            Item("30", "Robustness",
                 ("disturbed", "foreign", "shortcuts", "specificity", "resamples", "referral")),
            Item("31", "Explanations of answers", ("maps",)),
            Item("32", "Testing on data of the same source", ("ranking",)),
            Item("33", "Testing on data of another source", ("datasets",)),
            Item("34", "Registration of a trial", ("study-registration",)),
        )),
        Part("Results: data", (
            Item("35", "How many were included and excluded", ("flow",)),
            Item("36", "Who the patients of each part are", ("table-1",)),
        )),
        Part("Results: performance", (
            Item("37", "Performance with its uncertainty", ("ranking",)),
            Item("38", "Diagnostic performance with its precision", ("ranking",)),
            Item("39", "Analysis of wrong answers", ("cases", "classes")),
        )),
        Part("Discussion", (
            Item("40", "Limitations", ("findings",)),
            Item("41", "What it means for practice"),
        )),
        Part("Other information", (
            Item("42", "Where the protocol is", ("study-registration",)),
            Item("43", "Availability of software, model and data", ("study-code", "study-data")),
            Item("44", "Funding, and the funders’ role", ("study-funding",)),
        )),
    ),
)  # fmt: skip
