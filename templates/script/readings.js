/* Where a reader can stop in the charts of several runs, and what is said there. */

const readings = (() => {
  const { charts } = report;

  /* The runs that are shown: place of the look, figures, name. */
  function list({ slots }) {
    return slots.flatMap((place, slot) => (place === null ? []
      : [[slot, charts.runs[place], report.runs[place].name]]));
  }

  /* Counts at every threshold; neighbours with the same counts are one, from one to the other. */
  function stops(one, texts, thresholds, apart) {
    if (!one.curve) {
      return [{ from: one.at, to: one.at, text: one.shown[0][0], found: one.found,
        alarms: one.alarms }];
    }
    const [found, alarms] = [rows.sums(one.curve.found), rows.sums(one.curve.alarms)];
    const made = [];
    thresholds.forEach((t, i) => {
      const last = made.at(-1);
      if (!apart && last?.found === found[i] && last.alarms === alarms[i]) {
        last.to = t;
        last.last = texts[i];
      } else {
        made.push({ from: t, to: t, text: texts[i], found: found[i], alarms: alarms[i] });
      }
    });
    return made;
  }

  const places = {
    roc: ({ found, alarms }, p, n) => [alarms / n, found / p],
    "precision-recall": ({ found, alarms }, p) => [found / p, found / (found + alarms)],
    "net-benefit": ({ from, found, alarms }, p, n) =>
      [from, (found - (alarms * from) / (1 - from)) / (p + n)],
  };

  /* Marks of one of the charts that follow the threshold. */
  function operating(name, state) {
    const thresholds = charts.thresholds[state.label];
    const texts = charts.texts[state.label];
    return list(state).flatMap(([slot, run, title]) => {
      const one = run.labels[state.label];
      if (!one || !one.positives || !one.negatives) return [];
      const { positives: p, negatives: n } = one;
      const chosen = state.step === null || !one.curve ? one.at : thresholds[state.step];
      return stops(one, texts, thresholds, name === "net-benefit").map((stop) => {
        const [x, y] = places[name](stop, p, n);
        return { slot, series: slot, name: title, x, y, first: stop.from <= chosen && chosen <= stop.to,
          say: () => sayStop(stop, p, n, name === "net-benefit" ? y : null) };
      });
    });
  }

  function sayStop(stop, p, n, benefit) {
    const at = stop.last ? `thresholds ${stop.text} to ${stop.last}` : `threshold ${stop.text}`;
    const figures = [
      ...(benefit === null ? [] : [`net benefit ${wording.decimal(benefit)}`]),
      `sensitivity ${wording.decimal(stop.found / p)}`,
      `specificity ${wording.decimal((n - stop.alarms) / n)}`,
      `PPV ${wording.decimal(stop.found / (stop.found + stop.alarms))}`,
      `${wording.whole(p - stop.found)} missed`,
      `${wording.whole(stop.alarms)} false alarms`,
    ];
    return `${at}: ${figures.join(", ")}`;
  }

  function epochs(name, state) {
    const { lines, points } = rows.epochs(charts, state.slots, name, state.split);
    return lines.filter((row) => row.y !== null).map(({ slot, split, x, y }) => ({
      first: points.some((one) => one.slot === slot && one.x === x && one.y === y), slot, series: `${slot} ${split}`, name: report.runs[state.slots[slot]].name, x, y,
      say: () => `epoch ${x}, ${split}: ${name} ${wording.decimal(y)}`,
    }));
  }

  function reliability(state) {
    return rows.reliability(charts, state.slots, state.label).points.map((row) => ({
      slot: row.slot, series: row.slot, name: report.runs[state.slots[row.slot]].name,
      x: row.x, y: row.y,
      say: () => `mean score ${wording.decimal(row.x)}: share with the label ${wording.decimal(row.y)}`
        + ` (95 % CI ${wording.decimal(row.low)} to ${wording.decimal(row.high)}), `
        + `${wording.whole(row.count)} images`,
    }));
  }

  /* A line beneath a chart; `list` gives its marks in the units of its axes. */
  function add(name, list) {
    const drawing = document.querySelector(`.drawing[data-chart="${name}"]`);
    const title = drawing.closest("figure").querySelector("figcaption").textContent;
    return addReadout(drawing, title, () => {
      const frame = chart.frame(name);
      if (!frame) return null;
      const [right, bottom] = [frame.x.range()[1], frame.y.range()[0]];
      const marks = list(name, choice.state)
        .map((mark) => ({ ...mark, x: frame.x(mark.x), y: frame.y(mark.y) }))
        .filter(({ x, y }) => x >= 0 && x <= right && y >= 0 && y <= bottom);
      const order = [...new Set(marks.map((mark) => mark.series))];
      const place = new Map(order.map((series, i) => [series, i]));
      marks.sort((a, b) => place.get(a.series) - place.get(b.series) || a.x - b.x || b.y - a.y);
      const first = marks.findIndex((mark) => mark.first);
      return { ...frame, marks,
        first: first < 0 ? marks.findLastIndex((mark) => mark.series === order[0]) : first };
    });
  }

  return { add, operating, epochs, reliability };
})();
