"""TRIPOD+AI, for prediction models by regression or machine learning: 27 items."""

from __future__ import annotations

from covidreport.report.checklists.items import Checklist, Item, Part

TRIPOD_AI = Checklist(
    "TRIPOD+AI",
    "Collins et al., “TRIPOD+AI statement: updated guidance for reporting clinical prediction "
    "models that use regression or machine learning methods”, BMJ 385 (2024) e078378, "
    "doi:10.1136/bmj-2023-078378",
    (
        Part("Title and abstract", (
            Item("1", "Named as developing or evaluating a prediction model, with whom and what"),
            Item("2", "Abstract"),
        )),
        Part("Introduction", (
            Item("3a", "Background: the health care, and models that there are"),
            Item("3b", "For whom the model is meant, and who is to use it"),
            Item("3c", "Known inequalities between groups of people"),
            Item("4", "Objectives"),
        )),
        Part("Methods", (
            Item("5a", "Where the data come from", ("study-setting", "provenance")),
            Item("5b", "Dates of the data", ("study-dates",)),
            Item("6a", "Setting and centres", ("study-setting",)),
            Item("6b", "Who was eligible", ("study-exclusions",)),
            Item("6c", "Treatments"),
            Item("7", "How data were prepared", ("run-1-settings",)),
            Item("8a", "The outcome, and how it was judged", ("study-reference-standard",)),
            Item("8b", "Who judged the outcome"),
            Item("8c", "What was hidden from those who judged it"),
            Item("9a", "Why these predictors"),
            Item("9b", "The predictors, and how they were measured"),
            Item("9c", "Who judged the predictors"),
            Item("10", "Sample size, and where it comes from"),
            Item("11", "How missing data were handled", ("methods-counts", "flow")),
            Item("12a", "How data were shared out between training and evaluation", ("flow",)),
            Item("12b", "How predictors entered the analysis"),
            Item("12c", "Kind of model, and how it was built", ("run-1-settings",)),
            Item("12d", "How differences between centres or countries were handled",
                 ("datasets",)),
            Item("12e", "Measures of performance, and how models were compared",
                 ("methods-figures", "methods-intervals", "methods-comparisons")),
            Item("12f", "Updating of the model"),
            Item("12g", "How answers were computed from the model",
                 ("methods-thresholds", "provenance")),
            Item("13", "Imbalance of classes"),
            Item("14", "Fairness between groups of people", ("subgroups",)),
            Item("15", "What the model gives, and its thresholds", ("methods-thresholds",)),
            Item("16", "How development and evaluation differ", ("datasets",)),
            Item("17", "Ethical approval"),
        )),
        Part("Open science", (
            Item("18a", "Funding", ("study-funding",)),
            Item("18b", "Conflicts of interest"),
            Item("18c", "Where the protocol is", ("study-registration",)),
            Item("18d", "Registration", ("study-registration",)),
            Item("18e", "Availability of the data", ("study-data",)),
            Item("18f", "Availability of the code", ("study-code",)),
        )),
        Part("Patient and public involvement", (
            Item("19", "How patients and the public took part"),
        )),
        Part("Results", (
            Item("20a", "Flow of patients, with and without the outcome", ("flow",)),
            Item("20b", "Who the patients are", ("table-1",)),
            Item("20c", "How they compare with those of the development",
                 ("table-1-2", "datasets")),
            Item("21", "Patients and events in each analysis", ("flow", "ranking")),
            Item("22", "The whole model, so that others can use it"),
            Item("23a", "Performance with intervals, also for groups", ("ranking", "subgroups")),
            Item("23b", "Performance between centres or countries", ("datasets",)),
            Item("24", "Results of updating"),
        )),
        Part("Discussion", (
            Item("25", "Interpretation"),
            Item("26", "Limitations", ("findings",)),
            Item("27a", "What to do with input that is poor or missing"),
            Item("27b", "What users have to do and to know"),
            Item("27c", "Next steps"),
        )),
    ),
)  # fmt: skip
