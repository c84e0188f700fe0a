"""The texts of the methods: what figures beyond the threshold mean, and how each was made."""

from __future__ import annotations

from msgspec import Struct


class Definition(Struct, frozen=True):
    """A figure in words, as a formula, and whether it has an interval."""

    words: str
    formula: str
    interval: str = "none"


WILSON = (
    "Intervals are two-sided 95 % Wilson score intervals of k out of n, "
    "without continuity correction (Wilson 1927). Their ends are (k + z²/2 ± z √(k (n − k) / n + "
    "z²/4)) / (n + z²) with z = 1.96. A figure that is no share of n independent images, such as "
    "F1 or label accuracy, has one of its own. From counts alone, as copied from a paper, every "
    "interval takes images for independent. Figures over all labels have none there: the answers "
    "that an image gets are not independent. Where a figure has no interval, none is made up for "
    "it."
)

BEYOND: dict[str, Definition] = {
    "Sensitivity at a specificity": Definition(
        "The greatest sensitivity of all thresholds that clear this share of the images without "
        "the label; and the reverse. The threshold is the best for these very images",
        "max sensitivity, specificity ≥ given",
    ),
    "Likelihood ratios": Definition(
        "How many times an answer yes, or no, raises or lowers the odds of the label",
        "sensitivity / (1 − specificity); (1 − sensitivity) / specificity",
        "MOVER-R of two Wilson intervals (Donner and Zou 2012)",
    ),
    "PPV and NPV at a prevalence": Definition(
        "How far an answer can be believed where this share has the label, if sensitivity and "
        "specificity stay the same there",
        "Bayes’ rule", "that of the likelihood ratio, carried over",
    ),
    "Brier score": Definition(
        "The mean squared distance of scores from the truth; an image that was not scored is as "
        "wrong as can be",
        "Σ (score − truth)² / images",
    ),
    "Calibration intercept and slope": Definition(
        "Scores are too high on the whole below 0, too low above; too extreme below 1, too timid "
        "above",
        "logistic regression of the truth on the logits", "Wald",
    ),
    "ECE": Definition(
        "How far mean score and observed share lie apart, averaged over bins of equal width; it "
        "grows with the number of bins, which is stated",
        "Σ images in bin × |mean score − share| / images",
    ),
    "Net benefit": Definition(
        "Cases found less false alarms, weighed by the threshold probability t from which one "
        "would act. Above treating everybody and nobody, acting on the run does more good",
        "tp / n − false alarms / n × t / (1 − t)",
        "MOVER of the Wilson intervals of sensitivity and false alarms, at the prevalence of the "
        "images",
    ),
    "Subgroups": Definition(
        "The same rates on the images of one value of an attribute. Under ten images with the "
        "label a group is shown and never compared. Attributes with two to twenty values, ages in "
        "bands",
        "as sensitivity and specificity", "as theirs",
    ),
}  # fmt: skip
"""What the details of an evaluation hold, where there are any."""

INTERVALS: tuple[tuple[str, str], ...] = (
    ("clopper-pearson", "Rates have the exact interval of Clopper and Pearson (1934) instead, as "
     "the configuration asks for. It is never too narrow, and wider than needed on average."),
    ("(degenerate bootstrap)", "Where every resample is equal, as for 28 of 28, the bootstrap says "
     "nothing. There Wilson’s interval stands in, over patients where whole patients are drawn."),
    ("wilson over groups", "Where patients are known and have several images, these say less than "
     "as many images of different patients. The interval is that of the effective sample, "
     "with a t quantile (Korn and Graubard 1998; Dean and Pagano 2015). That is as many "
     "independent images as leave the rate as uncertain as the patients do."),
    ("clopper-pearson over groups", "Where patients are known and have several images, rates have "
     "the exact interval of their effective sample (Korn and Graubard 1998)."),
    ("wilson over images", "Label accuracy counts several answers of each image: its interval is "
     "that of the effective sample of images."),
    ("wilson of F*", "F1 is 2 F* / (1 + F*), where F* = tp / (tp + false alarms + missed) is a "
     "proportion. It has the ends of Wilson’s interval of F*, carried over (Hand, Christen and "
     "Kirielle 2021; Lam, Gopal and Qian 2023)."),
    ("mover", "Balanced accuracy has the square-and-add interval of the Wilson intervals of "
     "sensitivity and specificity (Newcombe 1998; Zou and Donner 2008)."),
    ("wilson, delta variance", "Other figures of counts have Wilson’s interval on the effective "
     "sample that has their variance by the delta method. That sums what each image, or "
     "patient, moves them by (Itaya et al. 2025)."),
    ("wilson, jackknife variance", "Some figures of counts have Wilson’s interval on the "
     "effective sample that has their variance, which leaving out each image, or patient, in "
     "turn shows."),
    ("wilson, delong variance", "ROC AUC has Wilson’s interval on the effective sample that has "
     "DeLong’s variance (1988), of at most three times the positives."),
    ("wilson, obuchowski variance", "ROC AUC has Wilson’s interval on the effective sample that "
     "has Obuchowski’s variance over patients (1997), of at most three times the patients with "
     "positives."),
    ("wilson, infinitesimal jackknife", "Average precision has Wilson’s interval on the effective "
     "sample that has its variance by the infinitesimal jackknife. That sums what each image, or "
     "patient, moves it by (Efron and Tibshirani 1993). That sample has at most three times the "
     "positives, or patients with some. It is approximate where nearly all positives are ahead "
     "of the others."),
    ("wilson, bootstrap variance", "Average precision has Wilson’s interval on the effective "
     "sample that has the variance of the bootstrap. That sample has at most three times the "
     "positives, or patients with some. It is approximate where nearly all positives are ahead "
     "of the others."),
    ("bootstrap over groups", "Where patients are known and have several images, whole patients "
     "are drawn again and again. All figures of a run are computed on each resample: images of "
     "one patient are not independent. The interval holds the middle 95 % of them."),
    ("bootstrap", "The bootstrap draws as many images as there are, again and again, and computes "
     "the figure on each resample. The interval holds the middle 95 % of them (Efron and "
     "Tibshirani 1993). With few positives it is narrower than it claims."),
    ("delong", "Where there are so many images that resampling would take long, ROC AUC has "
     "DeLong’s interval (1988). That of average precision rests on fewer resamples."),
    ("obuchowski over groups", "Where there are so many images that resampling would take long, "
     "ROC AUC has Obuchowski’s interval over patients (1997). That of average precision rests "
     "on fewer resamples."),
)  # fmt: skip
"""What methods of intervals are, by a part of their names; the first that fits explains one."""

THRESHOLDS = (
    "A label is predicted when its score lies above the threshold, which is written as a "
    "probability. A model that gives logits is compared in logits, so 0.5 means a logit above 0. A "
    "score exactly at the threshold is a no. Each evaluation says where its thresholds come "
    "from; one that was tuned on the images that are reported is exploratory, and has no interval."
)
PATIENTS = (
    "Images of one patient are not independent: their differences are kept together. The test "
    "flips the signs of whole patients, resamples draw whole patients, and the test of ROC AUCs is "
    "Obuchowski’s. Tango’s intervals have counts and images divided by the design effect of the "
    "patients’ differences (at least 1, with one pseudo-patient each way). They are divided by (t "
    "/ z)² as well, t with one degree of freedom less than there are patients."
)
SAME_SPECIFICITY = (
    "At the same specificity a run’s sensitivity is the greatest among thresholds that clear at "
    "least as many negatives. Patients with a positive image and those without are resampled "
    "apart, and each threshold is fitted anew. The difference of two runs is divided by its "
    "standard deviation in the resamples (as in pROC, Robin et al. 2011) and held against "
    "Student’s t. Degrees of freedom are the fewest of patients (or images) with positives − 1, "
    "with negatives − 1, and false alarms allowed + 1. With few false alarms little says where a "
    "threshold lies. Holm’s correction is over all pairs of runs, or over those with a baseline "
    "that was named. Intervals of the sensitivities are Wilson’s on the effective sample."
)
NON_INFERIORITY = (
    "A run is not inferior where the whole interval of its difference in sensitivity lies above "
    "minus the margin (Tango’s interval). It is inferior where that lies below. Its confidence is "
    "raised so that all answers hold together."
)
COUNTS_ALONE = (
    "Where only counts are known, nobody knows which cases a run missed. They bound the p-value of "
    "the exact McNemar test of a pair on both sides. It is smallest where the better run finds all "
    "that the other finds. It is largest where that missed as many as it can of those that the "
    "other found. With Holm’s correction over all pairs, a run whose lower bound stays above 0.05 "
    "is not significantly different from the best whatever the answers were. One whose upper "
    "bound is at most 0.05 is so whatever they were, images taken for independent. Where patients "
    "are known to have several there is no upper bound. Of the others counts alone can’t say."
)
