"""What the report's methods cite, for a bibliography: `docs/statistics.md` has more sources."""

from __future__ import annotations

from msgspec import Struct


class Reference(Struct, frozen=True):
    """A source under the key of its BibTeX entry.

    cited: the words by which sentences of the report cite it. kind: of entry. published: the
    journal, publisher or archive.
    """

    key: str
    cited: tuple[str, ...]
    kind: str
    author: str
    title: str
    published: str
    year: int
    volume: str = ""
    pages: str = ""


REFERENCES = (
    Reference(
        "vancalster2016",
        ("Van Calster et al. 2016",),
        "article",
        "Van Calster, B. and Nieboer, D. and Vergouwe, Y. and De Cock, B. and Pencina, M. J. and "
        "Steyerberg, E. W.",
        "A calibration hierarchy for risk models was defined: from utopia to empirical data",
        "Journal of Clinical Epidemiology",
        2016,
        volume="74",
        pages="167--176",
    ),
    Reference(
        "wilson1927",
        ("Wilson 1927",),
        "article",
        "Wilson, E. B.",
        "Probable inference, the law of succession, and statistical inference",
        "Journal of the American Statistical Association",
        1927,
        volume="22",
        pages="209--212",
    ),
    Reference(
        "clopper1934",
        ("Clopper and Pearson (1934)",),
        "article",
        "Clopper, C. J. and Pearson, E. S.",
        "The use of confidence or fiducial limits illustrated in the case of the binomial",
        "Biometrika",
        1934,
        volume="26",
        pages="404--413",
    ),
    Reference(
        "korn1998",
        ("Korn and Graubard 1998",),
        "article",
        "Korn, E. L. and Graubard, B. I.",
        "Confidence intervals for proportions with small expected number of positive "
        "counts estimated from survey data",
        "Survey Methodology",
        1998,
        volume="24",
        pages="193--201",
    ),
    Reference(
        "dean2015",
        ("Dean and Pagano 2015",),
        "article",
        "Dean, N. and Pagano, M.",
        "Evaluating confidence interval methods for binomial proportions in clustered surveys",
        "Journal of Survey Statistics and Methodology",
        2015,
        volume="3",
        pages="484--503",
    ),
    Reference(
        "hand2021",
        ("Hand, Christen and Kirielle 2021",),
        "article",
        "Hand, D. J. and Christen, P. and Kirielle, N.",
        "F*: an interpretable transformation of the F-measure",
        "Machine Learning",
        2021,
        volume="110",
        pages="451--456",
    ),
    Reference(
        "lam2023",
        ("Lam, Gopal and Qian 2023",),
        "misc",
        "Lam, K. F. Y. and Gopal, V. and Qian, J.",
        "Confidence intervals for the F1 score: a comparison of four methods",
        "arXiv:2309.14621",
        2023,
    ),
    Reference(
        "newcombe1998",
        ("Newcombe 1998",),
        "article",
        "Newcombe, R. G.",
        "Interval estimation for the difference between independent proportions: "
        "comparison of eleven methods",
        "Statistics in Medicine",
        1998,
        volume="17",
        pages="873--890",
    ),
    Reference(
        "zou2008",
        ("Zou and Donner 2008",),
        "article",
        "Zou, G. Y. and Donner, A.",
        "Construction of confidence limits about effect measures: a general approach",
        "Statistics in Medicine",
        2008,
        volume="27",
        pages="1693--1702",
    ),
    Reference(
        "donner2012",
        ("Donner and Zou 2012",),
        "article",
        "Donner, A. and Zou, G. Y.",
        "Closed-form confidence intervals for functions of the normal mean and standard deviation",
        "Statistical Methods in Medical Research",
        2012,
        volume="21",
        pages="347--359",
    ),
    Reference(
        "itaya2025",
        ("Itaya et al. 2025",),
        "article",
        "Itaya, Y. and Tamura, J. and Hayashi, K. and Yamamoto, K.",
        "Asymptotic properties of Matthews correlation coefficient",
        "Statistics in Medicine",
        2025,
        volume="44",
        pages="e10303",
    ),
    Reference(
        "delong1988",
        (
            "DeLong’s variance (1988)",
            "DeLong’s interval (1988)",
            "DeLong’s test",
        ),
        "article",
        "DeLong, E. R. and DeLong, D. M. and Clarke-Pearson, D. L.",
        "Comparing the areas under two or more correlated receiver operating "
        "characteristic curves: a nonparametric approach",
        "Biometrics",
        1988,
        volume="44",
        pages="837--845",
    ),
    Reference(
        "obuchowski1997",
        (
            "Obuchowski’s variance over patients (1997)",
            "Obuchowski’s interval over patients (1997)",
            "Obuchowski’s",
        ),
        "article",
        "Obuchowski, N. A.",
        "Nonparametric analysis of clustered ROC curve data",
        "Biometrics",
        1997,
        volume="53",
        pages="567--578",
    ),
    Reference(
        "efron1993",
        ("Efron and Tibshirani 1993",),
        "book",
        "Efron, B. and Tibshirani, R. J.",
        "An Introduction to the Bootstrap",
        "Chapman and Hall",
        1993,
    ),
    Reference(
        "tsamardinos2018",
        ("Tsamardinos, Greasidou and Borboudakis 2018",),
        "article",
        "Tsamardinos, I. and Greasidou, E. and Borboudakis, G.",
        "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation",
        "Machine Learning",
        2018,
        volume="107",
        pages="1895--1922",
    ),
    Reference(
        "mcnemar1947",
        ("McNemar test",),
        "article",
        "McNemar, Q.",
        "Note on the sampling error of the difference between correlated proportions or "
        "percentages",
        "Psychometrika",
        1947,
        volume="12",
        pages="153--157",
    ),
    Reference(
        "westfall1993",
        ("Westfall and Young 1993",),
        "book",
        "Westfall, P. H. and Young, S. S.",
        "Resampling-Based Multiple Testing: Examples and Methods for p-Value Adjustment",
        "Wiley",
        1993,
    ),
    Reference(
        "romano2005",
        ("Romano and Wolf 2005",),
        "article",
        "Romano, J. P. and Wolf, M.",
        "Exact and approximate stepdown methods for multiple hypothesis testing",
        "Journal of the American Statistical Association",
        2005,
        volume="100",
        pages="94--108",
    ),
    Reference(
        "tango1998",
        (
            "Tango’s (1998)",
            "Tango’s interval",
        ),
        "article",
        "Tango, T.",
        "Equivalence test and confidence interval for the difference in proportions for "
        "the paired-sample design",
        "Statistics in Medicine",
        1998,
        volume="17",
        pages="891--908",
    ),
    Reference(
        "holm1979",
        ("Holm’s correction",),
        "article",
        "Holm, S.",
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics",
        1979,
        volume="6",
        pages="65--70",
    ),
    Reference(
        "robin2011",
        ("Robin et al. 2011",),
        "article",
        "Robin, X. and others",
        "pROC: an open-source package for R and S+ to analyze and compare ROC curves",
        "BMC Bioinformatics",
        2011,
        volume="12",
        pages="77",
    ),
    Reference(
        "liang1986",
        ("Liang and Zeger 1986",),
        "article",
        "Liang, K.-Y. and Zeger, S. L.",
        "Longitudinal data analysis using generalized linear models",
        "Biometrika",
        1986,
        volume="73",
        pages="13--22",
    ),
    Reference(
        "welch1947",
        ("Welch’s t-test",),
        "article",
        "Welch, B. L.",
        "The generalization of ‘Student’s’ problem when several different population "
        "variances are involved",
        "Biometrika",
        1947,
        volume="34",
        pages="28--35",
    ),
    Reference(
        "numpy",
        ("numpy",),
        "article",
        "Harris, C. R. and others",
        "Array programming with NumPy",
        "Nature",
        2020,
        volume="585",
        pages="357--362",
    ),
    Reference(
        "onnxruntime",
        ("onnxruntime",),
        "misc",
        "{ONNX Runtime developers}",
        "ONNX Runtime",
        "onnxruntime.ai",
        2021,
    ),
)
"""In the order in which the methods cite them for the first time, or nearly so."""
