/* The threshold that can be moved, and the table that it moves: counts and rates of the runs that
   are shown. At a threshold that was not evaluated a rate has no interval. */

(() => {
  const table = document.querySelector("table.points");
  if (!table || !report.charts) return;
  const section = table.closest("main > section");
  const data = report.charts;
  const body = table.tBodies[0];
  const caption = table.caption.querySelector("bdi");
  const kinds = Array.from(table.tHead.rows[0].cells, (head) => head.className);

  /* The cells of one run at the chosen threshold; the report's own where it was evaluated. */
  function cells(one, { label, step }) {
    if (isEvaluated(one, step)) return one.shown;
    const { found, alarms } = readings.countsAt(one, label, step);
    const { positives, negatives } = one;
    const [missed, cleared] = [positives - found, negatives - alarms];
    const [sick, well] = [`of ${numbers.whole(positives)}`, `of ${numbers.whole(negatives)}`];
    const rates = [[found, positives], [cleared, negatives], [found, found + alarms],
      [cleared, cleared + missed]];
    return [
      [data.texts[label][step], "exploratory"],
      [numbers.whole(missed), sick],
      [numbers.whole(found), sick],
      [numbers.whole(alarms), well],
      [numbers.whole(cleared), well],
      ...rates.map(([part, of]) => [numbers.decimal(part / of), ""]),
    ];
  }

  function isEvaluated(one, step) {
    return step === null || !one.curve || data.thresholds[choice.state.label][step] === one.at;
  }

  function row(slot, place) {
    const run = report.runs[place];
    const one = data.runs[place].labels[choice.state.label];
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
      ...cells(one, choice.state).map(([text, note], i) => make("td", { class: kinds[i + 1] },
        make("b", { text }),
        ...(note ? [make("i", { text: note })] : []))));
  }

  let later = 0;
  const slider = make("input", {
    type: "range", min: 0, step: 1, id: "threshold", "aria-describedby": "threshold-said",
    oninput: () => choice.move(Number(slider.value)),
    onchange: () => { // a key that is held changes it oftener than browsers let an address change
      clearTimeout(later);
      later = setTimeout(() => choice.keep(section.id), 200);
    },
  });
  const shown = make("output", { for: "threshold", class: "threshold" });
  const said = make("p", { id: "threshold-said", class: "said", "aria-live": "polite" });
  const back = make("button", {
    type: "button", text: "Back to the evaluated thresholds",
    onclick: () => { choice.set(section.id, { step: null }); slider.focus(); },
  });

  /* The runs that are shown and have the label. */
  function shownRuns({ slots, label }) {
    return slots.filter((place) => place !== null && label in data.runs[place].labels)
      .map((place) => data.runs[place].labels[label]);
  }

  function showThreshold(state) {
    const thresholds = data.thresholds[state.label];
    const runs = shownRuns(state);
    const evaluated = [...new Set(runs.map((one) => one.at))];
    const place = state.step ?? Math.max(0, thresholds.indexOf(evaluated[0] ?? 0.5));
    const text = data.texts[state.label][place];
    slider.max = thresholds.length - 1;
    slider.value = place;
    const alike = state.step !== null || evaluated.length < 2;
    const fixed = evaluated.length > 0 && evaluated.every((at) => at === null);
    const explored = runs.filter((one) => !isEvaluated(one, state.step)).length;
    shown.textContent = fixed ? "none to move" : alike ? text : "each its own";
    slider.disabled = fixed;
    slider.setAttribute("aria-valuetext", fixed ? "no threshold to move"
      : alike ? text : "each run at its own threshold");
    section.classList.toggle("is-exploratory", explored > 0);
    section.classList.toggle("is-alike", new Set(runs.map((one) =>
      (isEvaluated(one, state.step) ? one.at : thresholds[place]))).size < 2);
    back.disabled = explored === 0;
    said.replaceChildren(...(explored === 0
      ? [make("span", { text: "As evaluated." })]
      : [make("strong", { class: "exploratory", text: "Exploratory" }), `: at ${text} ${
        explored === runs.length ? "no shown run was" : `${explored} of ${runs.length} runs were not`
      } evaluated. Rates have no interval there.`]));
  }

  function showTable({ slots, label, step }) {
    body.replaceChildren(...slots.flatMap((place, slot) => (place === null ? [] : [row(slot, place)])));
    const name = data.labels.find(([key]) => key === label)[1];
    caption.textContent = step === null ? `At the evaluated thresholds, for ${name}`
      : `At a threshold of ${data.texts[label][step]}, for ${name}`;
  }

  section.querySelector(".controls").after(make("div", { class: "control slider-bar" },
    make("label", { for: "threshold", class: "title", text: "Threshold" }),
    make("div", { class: "slide" }, slider, shown),
    make("div", { class: "slide" }, back, said)));
  choice.listen((state) => { showThreshold(state); showTable(state); });
  showThreshold(choice.state);
})();
