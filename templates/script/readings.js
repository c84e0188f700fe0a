/* Where a reader can stop in the charts of several runs, and what is said there. */

const readings = (() => {
  const data = report.charts;

  /* Counts are stored as the difference from the one before. */
  function sums(steps) {
    let total = 0;
    return steps.map((step) => (total += step));
  }
  for (const run of [data, ...Object.values(data?.elsewhere ?? {})].flatMap((of) => of?.runs ?? [])) {
    for (const { curve } of Object.values(run.labels)) {
      if (curve) Object.assign(curve, { found: sums(curve.found), alarms: sums(curve.alarms) });
    }
  }

  /* A run's counts at a step of the slider; without one, or without scores, as it was evaluated. */
  function countsAt(one, label, step) {
    if (step === null || !one.curve) return { from: one.at, found: one.found, alarms: one.alarms };
    const { found, alarms } = one.curve;
    return { from: data.thresholds[label][step], found: found[step], alarms: alarms[step] };
  }

  /* The runs that are shown: place of the style, figures, name. */
  function list({ slots }, of = data) {
    return slots.flatMap((place, slot) => (place === null ? []
      : [[slot, of.runs[place], report.runs[place].name]]));
  }

  /* What a chart shows and of which data set: one that is not ranked has its own, under a prefix. */
  function split(name) {
    const prefix = Object.keys(data.elsewhere).find((each) => name.startsWith(each)) ?? "";
    return [name.slice(prefix.length), data.elsewhere[prefix] ?? data];
  }

  /* Counts at every threshold; neighbours with the same counts are one, from one to the other. */
  function stops(one, texts, thresholds, apart) {
    if (!one.curve) {
      return [{ from: one.at, to: one.at, text: one.shown[0][0], found: one.found,
        alarms: one.alarms }];
    }
    const { found, alarms } = one.curve;
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

  /* Marks of one of the charts that follow the threshold, on the data set that is ranked. */
  function operating(name, state, of) {
    const thresholds = of.thresholds[state.label];
    const texts = of.texts[state.label];
    const step = of === data ? state.step : null;
    return list(state, of).flatMap(([slot, run, title]) => {
      const one = run.labels[state.label];
      if (!one || !one.positives || !one.negatives) return [];
      if (name === "net-benefit" && one.at === null) return []; // argmax: it stands at no threshold
      const { positives: p, negatives: n } = one;
      const chosen = step === null || !one.curve ? one.at : thresholds[step];
      return stops(one, texts, thresholds, name === "net-benefit").map((stop) => {
        const [x, y] = places[name](stop, p, n);
        return { slot, series: slot, name: title, x, y, first: stop.from <= chosen && chosen <= stop.to,
          say: () => sayStop(stop, p, n, name === "net-benefit" ? y : null) };
      });
    });
  }

  /* Radiologists and their average, who stand in the ROC chart of the target beside the runs. */
  function people(name, { label }, of = data) {
    if (name !== "roc" || of !== data || data.readers?.label !== label) return [];
    return data.readers.marks.map(([who, x, y, words]) =>
      ({ series: "readers", name: who, x, y, say: () => words }));
  }

  function sayStop(stop, p, n, benefit) {
    const at = stop.last ? `thresholds ${stop.text} to ${stop.last}` : `threshold ${stop.text}`;
    const figures = [
      ...(benefit === null ? [] : [`net benefit ${numbers.decimal(benefit)}`]),
      `sensitivity ${numbers.decimal(stop.found / p)}`,
      `specificity ${numbers.decimal((n - stop.alarms) / n)}`,
      `PPV ${numbers.decimal(stop.found / (stop.found + stop.alarms))}`,
      `${numbers.whole(p - stop.found)} missed`,
      `${numbers.whole(stop.alarms)} false alarms`,
    ];
    return `${at}: ${figures.join(", ")}`;
  }

  function epochs(name, state) {
    const seen = (split) => !state.split || (split === "validation") === (state.split === "validation");
    return list(state).flatMap(([slot, run, title]) => {
      const found = ["training", "last batch", "validation"].filter((split) =>
        seen(split) && run.epochs?.[`${split}_${name}`]);
      return found.flatMap((split) => {
        const values = run.epochs[`${split}_${name}`];
        const last = values.findLastIndex((y) => y !== null);
        return values.flatMap((y, i) => (y === null ? [] : [{
          slot, series: `${slot} ${split}`, name: title, x: run.epochs.at[i], y,
          first: i === last && split === found.at(-1),
          say: () => `epoch ${run.epochs.at[i]}, ${split}: ${name} ${numbers.decimal(y)}`,
        }]));
      });
    });
  }

  function reliability(name, state) {
    return list(state).flatMap(([slot, run, title]) => (run.bins?.[state.label] ?? []).map(
      ([x, y, low, high, count]) => ({ slot, series: slot, name: title, x, y,
        say: () => `mean score ${numbers.decimal(x)}: proportion with the label ${numbers.decimal(y)}`
          + ` (95 % CI ${numbers.decimal(low)} to ${numbers.decimal(high)}), `
          + `${numbers.whole(count)} images` })));
  }

  function referral(name, state) {
    return list(state).flatMap(([slot, run, title]) => {
      const [referred, missed] = (run.referral ?? [[], []]).map((steps) =>
        sums(steps).map((tenThousandths) => tenThousandths / 1e4));
      return referred.map((x, i) => ({ slot, series: slot, name: title, x, y: missed[i],
        say: () => `proportion referred ${numbers.decimal(x)}: proportion missed `
          + numbers.decimal(missed[i]) }));
    });
  }

  // a person's counts are said before a point of the person's curve at the same place
  const withPeople = (...asked) => [...people(...asked), ...operating(...asked)];
  const lists = { ...Object.fromEntries(Object.keys(places).map((name) => [name, withPeople])),
    loss: epochs, accuracy: epochs, reliability, referral };

  /* A line beneath each chart. */
  const lines = Array.from(data ? charts.figures : [], ([name, figure]) =>
    addReadout(figure, figure.querySelector("figcaption").textContent, () => {
      const frame = charts.frame(name);
      const [kind, of] = split(name);
      const marks = lists[kind](kind, choice.state, of)
        .map((mark) => ({ ...mark, x: frame.x(mark.x), y: frame.y(mark.y) }))
        .filter(({ x, y }) => x >= 0 && x <= frame.width && y >= 0 && y <= frame.height);
      const order = [...new Set(marks.map((mark) => mark.series))];
      const place = new Map(order.map((series, i) => [series, i]));
      marks.sort((a, b) => place.get(a.series) - place.get(b.series) || a.x - b.x || b.y - a.y);
      const first = marks.findIndex((mark) => mark.first);
      return { ...frame, marks,
        first: first < 0 ? marks.findLastIndex((mark) => mark.series === order[0]) : first };
    }));

  /* Dots where the chosen threshold puts them; then every line says its first mark again. */
  function moved(state) {
    for (const name of Object.keys(places).filter((each) => charts.figures.has(each))) {
      for (const [slot, run] of list(state)) {
        const one = run.labels[state.label];
        if (!one?.positives || !one.negatives) continue;
        const stop = countsAt(one, state.label, state.step);
        charts.move(name, state.slots[slot], slot, ...places[name](stop, one.positives, one.negatives));
      }
      charts.cut(name, state.step === null ? null : data.thresholds[state.label][state.step]);
    }
    for (const line of lines) line.refresh();
  }
  if (data) choice.listen(moved);

  /* All that can be read in a chart as it is drawn: run, place on both axes, words. */
  function values(name) {
    const [kind, of] = split(name);
    return lists[kind](kind, choice.state, of).map((mark) => [mark.name, mark.x, mark.y, mark.say()]);
  }

  /* How a picture tells people from runs; empty where it has none. */
  function note(name) {
    const [kind, of] = split(name);
    return people(kind, choice.state, of).length ? data.readers.key : "";
  }

  return { countsAt, values, note };
})();
