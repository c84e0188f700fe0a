/* Which runs the charts of several runs show, which label, threshold and split: one choice for all
   sections, told to whoever draws. A run keeps its style as long as it is shown. */

const choice = (() => {
  const { charts } = report;
  if (!charts) return null;
  const most = charts.shapes.length;
  const first = Array.from({ length: most }, (_, i) => charts.chosen[i] ?? null);
  const labels = charts.labels.map(([label]) => label);
  const listeners = [];
  const state = { slots: first, label: labels[0], step: null, split: null };

  function tell() {
    for (const listener of listeners) listener(state);
  }

  /* ---- in the address: runs by their place on the page, the threshold as it is written ---- */

  const settings = {
    shown: {
      write: () => (`${state.slots}` === `${first}` ? null
        : state.slots.map((place) => (place === null ? "" : place + 1)).join(",")
          .replace(/,+$/, "") || "none"),
      read(text) {
        const found = [...new Set((text ?? "").split(","))].slice(0, most).map((one) =>
          (/^[1-9]\d*$/.test(one) && hasCharts(Number(one) - 1) ? Number(one) - 1 : null));
        const known = text === "none" || found.some((place) => place !== null);
        state.slots = known ? first.map((_, slot) => found[slot] ?? null) : first;
        return known;
      },
    },
    label: {
      write: () => (state.label === labels[0] ? null : state.label),
      read(text) {
        const known = labels.includes(text);
        state.label = known ? text : labels[0];
        state.step = null;
        return known;
      },
    },
    threshold: {
      write: () => (state.step === null ? null : charts.texts[state.label][state.step]),
      read(text) {
        const step = charts.texts[state.label]?.indexOf(text) ?? -1;
        state.step = step < 0 ? null : step;
        return step >= 0;
      },
    },
    split: {
      write: () => state.split,
      read(text) {
        const known = ["training", "validation"].includes(text);
        state.split = known ? text : null;
        return known;
      },
    },
  };
  for (const [name, { read }] of Object.entries(settings)) {
    address.add(name, (text) => {
      const known = read(text);
      tell();
      return known;
    });
  }

  /* Whether a run has anything that charts of several runs show. */
  function hasCharts(place) {
    const run = charts.runs[place];
    return Boolean(run && (Object.keys(run.labels).length || run.epochs || run.bins));
  }

  return {
    state,
    most,
    labels: charts.labels,
    hasCharts,
    listen(listener) { listeners.push(listener); },
    /* Changes the state and tells everybody; the section in which it was done keeps it. */
    set(section, changes) {
      Object.assign(state, "label" in changes ? { step: null } : {}, changes);
      tell();
      this.keep(section);
    },
    /* Changes the state while the reader's hand is still moving: the address follows later. */
    move(step) {
      state.step = step;
      tell();
    },
    keep(section) {
      address.setAll(section, Object.entries(settings).map(([name, { write }]) => [name, write()]));
    },
    add(section, place) {
      const free = state.slots.indexOf(null);
      if (free < 0 || state.slots.includes(place)) return;
      this.set(section, { slots: state.slots.with(free, place) });
    },
    remove(section, place) {
      this.set(section, { slots: state.slots.map((one) => (one === place ? null : one)) });
    },
  };
})();

/* The colour, dash and shape of a run beside its name. */
function swatch(style) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = `M17 5${report.charts.shapes[style]}`;
  for (const [name, value] of Object.entries({
    class: `swatch series-${style + 1}`, viewBox: "0 0 34 10", width: 34, height: 10,
    "aria-hidden": "true",
  })) svg.setAttribute(name, value);
  for (const [kind, d] of [["line", "M0 5h34"], ["dots", shape]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/* A list of the shown runs, each to be taken away, and a menu of the others. */
function runChooser(section) {
  const list = make("ul", { class: "chosen", "aria-label": "Runs shown" });
  const menu = make("select", {
    "aria-label": "Show another run",
    onchange: () => { if (menu.value !== "") choice.add(section, Number(menu.value)); },
  });
  choice.listen(draw);

  function draw({ slots }) {
    list.replaceChildren(...slots.flatMap((place, slot) => (place === null ? [] : [make(
      "li", {}, swatch(slot), make("bdi", { text: report.runs[place].name }),
      make("button", {
        type: "button", "aria-label": `Hide ${report.runs[place].name}`, text: "×",
        onclick: () => { choice.remove(section, place); menu.focus(); },
      }))])));
    const full = !slots.includes(null);
    const others = report.runs.flatMap((run, place) =>
      (slots.includes(place) || !choice.hasCharts(place) ? [] : [make("option", { value: place, text:
        run.badge ? `${run.badge}  ${run.name}` : run.name })]));
    menu.replaceChildren(make("option", {
      value: "", text: full ? `${choice.most} runs at most` : "Show another run …",
    }), ...others);
    menu.disabled = full || !others.length;
    menu.hidden = report.runs.length < 2;
  }

  draw(choice.state);
  return make("div", { class: "chooser" }, list, menu);
}

/* One of a few values, as buttons: `values` are [value, text], `name` that of the choice. */
function buttons(title, name, values, isChosen, choose) {
  const made = values.map(([value, text]) => make("button", {
    type: "button", text, onclick: () => choose(value),
  }));
  const show = () => made.forEach((button, i) =>
    button.setAttribute("aria-pressed", String(isChosen(values[i][0]))));
  choice.listen(show);
  show();
  return make("div", { class: "control" }, make("span", { class: "title", text: title }),
    make("div", { class: "buttons", role: "group", "aria-label": name }, ...made));
}

/* The label that charts are about. */
function labelChooser(section, name) {
  return buttons("Label", name, choice.labels, (label) => label === choice.state.label,
    (label) => choice.set(section, { label }));
}
