/* Which runs the charts of several runs show, which label, and which threshold: one choice for all
   sections, told to whoever draws. A run keeps its look as long as it is shown. */

const choice = (() => {
  const charts = report.charts;
  if (!charts) return null;
  const most = charts.looks.length;
  const slots = Array.from({ length: most }, (_, i) => charts.chosen[i] ?? null);
  const listeners = [];
  const state = { slots, label: charts.labels[0][0], step: null };

  function tell() {
    for (const listener of listeners) listener(state);
  }

  return {
    state,
    most,
    listen(listener) { listeners.push(listener); },
    add(place) {
      const free = state.slots.indexOf(null);
      if (free < 0 || state.slots.includes(place)) return;
      state.slots[free] = place;
      tell();
    },
    remove(place) {
      const slot = state.slots.indexOf(place);
      if (slot < 0) return;
      state.slots[slot] = null;
      tell();
    },
    setLabel(label) {
      state.label = label;
      state.step = null;
      tell();
    },
    setStep(step) {
      state.step = step;
      tell();
    },
  };
})();

/* The colour, dash and shape of a run beside its name. */
function swatch(slot) {
  const look = report.charts.looks[slot];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({
    class: `swatch series-${slot + 1}`, viewBox: "0 0 34 10", width: 34, height: 10,
    "aria-hidden": "true",
  })) svg.setAttribute(name, value);
  const line = document.createElementNS(svg.namespaceURI, "path");
  line.setAttribute("class", "line");
  line.setAttribute("d", "M0 5h34");
  line.setAttribute("stroke-dasharray", look.dash.join(" "));
  const shape = document.createElementNS(svg.namespaceURI, "path");
  shape.setAttribute("class", "shape");
  shape.setAttribute("d", look.path);
  shape.setAttribute("transform", "translate(12 0)");
  svg.append(line, shape);
  return svg;
}

/* A list of the shown runs, each to be taken away, and a menu of the others. */
function runChooser() {
  const list = make("ul", { class: "chosen", "aria-label": "Runs shown" });
  const menu = make("select", {
    "aria-label": "Show another run",
    onchange: () => { if (menu.value !== "") choice.add(Number(menu.value)); },
  });
  choice.listen(draw);

  function draw({ slots }) {
    list.replaceChildren(...slots.flatMap((place, slot) => (place === null ? [] : [make(
      "li", {}, swatch(slot), make("bdi", { text: report.runs[place].name }),
      make("button", {
        type: "button", "aria-label": `Hide ${report.runs[place].name}`, text: "×",
        onclick: () => { choice.remove(place); menu.focus(); },
      }))])));
    const full = !slots.includes(null);
    const others = report.runs.flatMap((run, place) =>
      (slots.includes(place) || !usable(place) ? [] : [make("option", { value: place, text:
        run.badge ? `${run.badge}  ${run.name}` : run.name })]));
    menu.replaceChildren(make("option", {
      value: "", text: full ? `${choice.most} runs at most` : "Show another run …",
    }), ...others);
    menu.disabled = full || !others.length;
  }

  function usable(place) {
    const run = report.charts.runs[place];
    return Object.keys(run.labels).length > 0 || run.epochs || run.bins;
  }

  draw(choice.state);
  return make("div", { class: "chooser" }, list, menu);
}

/* The label that charts are about. */
function labelChooser(name) {
  const buttons = report.charts.labels.map(([label, text]) => make("button", {
    type: "button", "aria-pressed": String(label === choice.state.label), text,
    onclick: () => choice.setLabel(label),
  }));
  choice.listen(({ label }) => buttons.forEach((button, i) =>
    button.setAttribute("aria-pressed", String(report.charts.labels[i][0] === label))));
  return make("div", { class: "control" }, make("span", { class: "title", text: "Label" }),
    make("div", { class: "buttons", role: "group", "aria-label": name }, ...buttons));
}
