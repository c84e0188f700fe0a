/* The operating point: a threshold that can be moved, and what it does to counts and curves. */

(() => {
  const section = document.getElementById("operating");
  if (!section || !report.charts) return;
  const charts = report.charts;
  const body = section.querySelector("tbody");
  const caption = section.querySelector("caption bdi");
  const note = make("p", { class: "remark", text: charts.exploratory });
  section.querySelector(".scroll").after(note);
  const kinds = Array.from(section.querySelectorAll("thead th"), (head) => head.className);

  /* The cells of one run at the chosen threshold; the view's own where it was evaluated. */
  function cells(one, step) {
    const thresholds = charts.thresholds[choice.state.label];
    if (isEvaluated(one, step)) return one.shown;
    const [, found, alarms] = rows.pointOf(one, thresholds, step);
    const { positives, negatives } = one;
    const [missed, cleared] = [positives - found, negatives - alarms];
    const [sick, well] = [`of ${wording.whole(positives)}`, `of ${wording.whole(negatives)}`];
    return [
      [charts.texts[choice.state.label][step], "exploratory"],
      [wording.whole(missed), sick],
      [wording.whole(found), sick],
      [wording.whole(alarms), well],
      [wording.whole(cleared), well],
      wording.rate(found, positives, charts.z),
      wording.rate(cleared, negatives, charts.z),
      wording.rate(found, found + alarms, charts.z),
      wording.rate(cleared, cleared + missed, charts.z),
    ];
  }

  function isEvaluated(one, step) {
    return step === null || !one.curve
      || charts.thresholds[choice.state.label][step] === one.at;
  }

  function row(slot, place) {
    const run = report.runs[place];
    const one = charts.runs[place].labels[choice.state.label];
    const name = make("bdi", { text: run.name });
    const head = make("th", { scope: "row", class: "name" }, swatch(slot),
      run.anchor ? make("a", { href: `#${run.anchor}` }, name) : name);
    if (!one) {
      return make("tr", {}, head, make("td", {
        class: "text", colspan: kinds.length - 1, text: "Has no figures for this label.",
      }));
    }
    const explored = !isEvaluated(one, choice.state.step);
    return make("tr", { class: explored ? "exploratory" : null }, head,
      ...cells(one, choice.state.step).map(([text, note], i) => make("td", { class: kinds[i + 1] },
        make("span", { class: "value", text }),
        ...(note ? [make("span", { class: "note", text: note })] : []))));
  }

  let later = 0;
  const slider = make("input", {
    type: "range", min: 0, step: 1, id: "threshold", "aria-describedby": "threshold-said",
    oninput: () => choice.move(Number(slider.value)),
    onchange: () => { // a key that is held changes it oftener than browsers let an address change
      clearTimeout(later);
      later = setTimeout(() => choice.keep("operating"), 200);
    },
  });
  const shown = make("output", { for: "threshold", class: "threshold" });
  const said = make("p", { id: "threshold-said", class: "said", "aria-live": "polite" });
  const back = make("button", {
    type: "button", text: "Back to the evaluated thresholds",
    onclick: () => { choice.set("operating", { step: null }); slider.focus(); },
  });

  /* The runs that are shown and have the label. */
  function shownRuns({ slots, label }) {
    return slots.filter((place) => place !== null && label in charts.runs[place].labels)
      .map((place) => charts.runs[place].labels[label]);
  }

  function showThreshold(state) {
    const thresholds = charts.thresholds[state.label];
    const runs = shownRuns(state);
    const evaluated = [...new Set(runs.map((one) => one.at))];
    const place = state.step ?? Math.max(0, thresholds.indexOf(evaluated[0] ?? 0.5));
    const text = charts.texts[state.label][place];
    slider.max = thresholds.length - 1;
    slider.value = place;
    const alike = state.step !== null || evaluated.length < 2;
    const explored = runs.filter((one) => !isEvaluated(one, state.step)).length;
    shown.textContent = alike ? text : "each its own";
    slider.setAttribute("aria-valuetext", alike ? text : "each run at its own threshold");
    section.classList.toggle("is-exploratory", explored > 0);
    note.hidden = explored === 0 || !charts.exploratory;
    section.classList.toggle("is-alike", new Set(runs.map((one) =>
      (isEvaluated(one, state.step) ? one.at : thresholds[place]))).size < 2);
    back.disabled = explored === 0;
    said.replaceChildren(...(explored === 0
      ? [make("span", { text: "As evaluated." })]
      : [make("strong", { class: "exploratory", text: "Exploratory" }), `: at ${text} ${
        explored === runs.length ? "no shown run was" : `${explored} of ${runs.length} runs were not`
      } evaluated.`]));
  }

  function showTable({ slots, label, step }) {
    body.replaceChildren(...slots.flatMap((place, slot) => (place === null ? [] : [row(slot, place)])));
    const name = charts.labels.find(([key]) => key === label)[1];
    caption.textContent = step === null ? `At the evaluated thresholds, for ${name}`
      : `At a threshold of ${charts.texts[label][step]}, for ${name}`;
  }

  tellHow(section.querySelector(".drawings"));
  const lines = new Map(Array.from(section.querySelectorAll(".drawing"), (drawing) =>
    [drawing.dataset.chart, readings.add(drawing.dataset.chart, readings.operating)]));

  function showCharts({ slots, label, step }) {
    for (const [name, data] of Object.entries(rows.operating(charts, slots, label, step))) {
      chart.draw(name, data).then(() => lines.get(name).refresh());
    }
  }

  section.querySelector(".controls").append(
    labelChooser("operating", "Label of the operating points"),
    make("div", { class: "control wide" }, make("span", { class: "title", text: "Runs" }),
      runChooser("operating")));
  section.querySelector(".controls").after(make("div", { class: "control slider-bar" },
    make("label", { for: "threshold", class: "title", text: "Threshold" }),
    make("div", { class: "slide" }, slider, shown),
    make("div", { class: "slide" }, back, said)));
  choice.listen((state) => { showThreshold(state); showTable(state); });
  showThreshold(choice.state);
  let near = false;
  choice.listen((state) => { if (near) showCharts(state); });
  chart.whenNear(section, () => { near = true; showCharts(choice.state); });
})();
