/* From the figures in the payload to the rows of each chart; `charts/rows.py` says the same. */

const rows = (() => {
  const BELOW = 0.25;
  const LOWEST = 0.01;
  const SPLITS = ["training", "last batch", "validation"];

  const at = (x, y, order) => ({ x, y, order });
  const list = (charts, chosen) =>
    chosen.flatMap((place, slot) => (place === null ? [] : [[slot, charts.runs[place]]]));

  /* Numbers are stored as the difference from the one before. */
  function sums(steps) {
    let total = 0;
    return steps.map((step) => (total += step));
  }

  function pairs(steps) {
    const found = sums(steps.filter((_, i) => i % 2 === 0));
    const alarms = sums(steps.filter((_, i) => i % 2 === 1));
    return found.map((one, i) => [one, alarms[i]]);
  }

  /* Threshold, found and false alarms of one run; a run without a curve stays where it is. */
  function pointOf(one, thresholds, step) {
    if (step === null || !one.curve) return [one.at, one.found, one.alarms];
    return [thresholds[step], sums(one.curve.found)[step], sums(one.curve.alarms)[step]];
  }

  function operating(charts, chosen, label, step) {
    const runs = list(charts, chosen).filter(([, run]) => label in run.labels);
    const thresholds = charts.thresholds[label];
    const roc = { lines: [], points: [], guide: [at(0, 0, 0), at(1, 1, 1)] };
    const recall = { lines: [], points: [], guide: [] };
    const benefit = { lines: [], points: [], guide: [], chosen: [] };
    for (const [slot, run] of runs) {
      const one = run.labels[label];
      const [p, n, curve] = [one.positives, one.negatives, one.curve];
      if (curve && p && n) {
        pairs(curve.outline).forEach(([found, alarms], order) => {
          roc.lines.push({ slot, ...at(alarms / n, found / p, order) });
          if (found + alarms) {
            recall.lines.push({ slot, ...at(found / p, found / (found + alarms), order) });
          }
        });
        const [found, alarms] = [sums(curve.found), sums(curve.alarms)];
        thresholds.forEach((t, i) => {
          const y = (found[i] - (alarms[i] * t) / (1 - t)) / (p + n);
          benefit.lines.push({ slot, ...at(t, y, i) });
        });
      }
      const [t, found, alarms] = pointOf(one, thresholds, step);
      if (p && n) {
        roc.points.push({ slot, x: alarms / n, y: found / p });
        if (found + alarms) {
          recall.points.push({ slot, x: found / p, y: found / (found + alarms) });
        }
        benefit.points.push({ slot, x: t, y: (found - (alarms * t) / (1 - t)) / (p + n) });
      }
    }
    addGuides(recall, benefit, runs.map(([, run]) => run.labels[label]), thresholds);
    if (step !== null) benefit.chosen.push({ x: thresholds[step] });
    return { roc, "precision-recall": recall, "net-benefit": cut(benefit) };
  }

  /* Prevalence, and treating everybody, of the first run that is shown. */
  function addGuides(recall, benefit, ones, thresholds) {
    if (!ones.length) return;
    const [p, n] = [ones[0].positives, ones[0].negatives];
    if (p + n === 0) return;
    const share = p / (p + n);
    recall.guide.push(at(0, share, 0), at(1, share, 1));
    thresholds.forEach((t, i) => {
      benefit.guide.push(at(t, share - ((1 - share) * t) / (1 - t), i));
    });
  }

  function cut(benefit) {
    const named = ["lines", "guide", "points"];
    const highest = named.reduce(
      (high, name) => benefit[name].reduce((most, row) => Math.max(most, row.y), high), LOWEST);
    for (const name of named) {
      benefit[name] = benefit[name].filter((row) => row.y >= -BELOW * highest);
    }
    return benefit;
  }

  /* `only` is the split that is shown alone, or null: each epoch's last batch is of training. */
  function epochs(charts, chosen, measure, only) {
    const [lines, points] = [[], []];
    const shown = SPLITS.filter((split) => !only || (split === "validation") === (only === "validation"));
    for (const [slot, run] of list(charts, chosen)) {
      for (const split of shown) {
        const values = run.epochs && run.epochs[`${split}_${measure}`];
        if (!values) continue;
        values.forEach((y, i) => lines.push({ slot, split, x: run.epochs.at[i], y }));
        const last = values.findLastIndex((y) => y !== null);
        const alone = only === "training" || !run.epochs[`validation_${measure}`];
        if (last >= 0 && (split === "validation" || alone)) {
          points.push({ slot, x: run.epochs.at[last], y: values[last] });
        }
      }
    }
    return { lines, points };
  }

  function reliability(charts, chosen, label) {
    const points = list(charts, chosen).flatMap(([slot, run]) =>
      ((run.bins && run.bins[label]) || []).map(([predicted, observed, low, high, count], i) =>
        ({ slot, ...at(predicted, observed, i), low, high, count })));
    return { lines: points, points, guide: [at(0, 0, 0), at(1, 1, 1)] };
  }

  return { operating, epochs, reliability, pointOf, sums };
})();
