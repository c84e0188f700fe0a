/* Charts of lines: which runs are seen in them, in which style, and where their dots stand. All of
   it is drawn in the page already, each run by its key; the script shows, hides and moves. */

const charts = (() => {
  const figures = new Map(Array.from(document.querySelectorAll(".chart[data-chart]"),
    (figure) => [figure.dataset.chart, figure]));

  /* A linear scale, from both ends of an axis to so many units. */
  function scale(text, falling) {
    const [low, high, length] = text.split(" ").map(Number);
    return (value) => {
      const at = (length * (value - low)) / (high - low);
      return falling ? length - at : at;
    };
  }

  /* The drawing that is seen: its SVG, the group in which its series stand, its size and scales. */
  function frame(name) {
    const drawing = figures.get(name).querySelector(".drawing:not([hidden])");
    const svg = drawing.querySelector("svg");
    const [width, height] = [drawing.dataset.x, drawing.dataset.y].map((text) => +text.split(" ")[2]);
    return { drawing, svg, width, height, x: scale(drawing.dataset.x), y: scale(drawing.dataset.y, true),
      group: (svg.querySelector("[data-run]") ?? svg.firstElementChild).parentNode };
  }

  const styleOf = (slots, one) => slots.indexOf(Number(one.dataset.run) - 1);
  const isIn = (split, one) => !split || !one.dataset.split
    || (one.dataset.split === "validation") === (split === "validation");

  function setStyle(one, kind, style) {
    one.setAttribute("class", style < 0 ? kind : `${kind} series-${style + 1}`);
  }

  function drawDots(one, style, places) {
    one.setAttribute("d", places.map((place) => `M${place}${report.charts.shapes[style]}`).join(""));
  }

  /* The runs that are chosen, in the drawing of the label and in the split that is chosen. */
  function show({ slots, label, split }) {
    for (const figure of figures.values()) {
      for (const drawing of figure.querySelectorAll(".drawing")) {
        drawing.hidden = (drawing.dataset.label ?? label) !== label;
        if (drawing.hidden) continue;
        for (const kind of ["band", "bar", "span", "line"]) {
          for (const one of drawing.querySelectorAll(`.${kind}`)) {
            setStyle(one, kind, isIn(split, one) ? styleOf(slots, one) : -1);
          }
        }
        const last = new Map(); // where a run was measured in several splits the last is marked
        for (const one of drawing.querySelectorAll(".dots")) {
          setStyle(one, "dots", -1);
          if (isIn(split, one)) last.set(one.dataset.run, one);
        }
        for (const one of last.values()) {
          const style = styleOf(slots, one);
          setStyle(one, "dots", style);
          if (style >= 0) drawDots(one, style, one.dataset.at.split(","));
        }
      }
    }
  }

  /* Puts the dot of a run where it stands in the seen drawing, in the units of its axes. */
  function move(name, place, style, x, y) {
    const seen = frame(name);
    const dot = seen.drawing.querySelector(`.dots[data-run="${place + 1}"]`);
    if (!dot) return;
    const [left, top] = [seen.x(x), seen.y(y)];
    const inside = Number.isFinite(left + top) && top >= -0.5 && top <= seen.height + 0.5
      && left <= seen.width + 0.5;
    drawDots(dot, style, inside ? [`${left} ${top}`] : []);
  }

  /* The upright line at a threshold; null takes it away. */
  function cut(name, x) {
    const seen = frame(name);
    const line = seen.drawing.querySelector(".chosen");
    if (!line) return;
    const inside = x !== null && seen.x(x) <= seen.width + 0.5;
    line.classList.toggle("seen", inside);
    if (inside) line.setAttribute("transform", `translate(${seen.x(x)},0)`);
  }

  return { figures, frame, show, move, cut };
})();

/* What a reader sets for the charts that stand beside each other. */
for (const drawings of report.charts ? document.querySelectorAll(".group.charts") : []) {
  const section = drawings.closest("main > section");
  const title = section.querySelector("h2").textContent;
  const controls = make("div", { class: "controls" });
  if (drawings.querySelector("[data-label]") && choice.labels.length > 1) {
    controls.append(labelChooser(section.id, `${title}: label`));
  }
  if (drawings.querySelector("[data-split]")) {
    controls.append(buttons("Split", `${title}: split`,
      [[null, "both"], ["training", "training"], ["validation", "validation"]],
      (split) => split === choice.state.split, (split) => choice.set(section.id, { split })));
  }
  controls.append(make("div", { class: "control wide" },
    make("span", { class: "title", text: "Runs" }), runChooser(section.id)));
  drawings.querySelector(".key-of-runs")?.remove();
  drawings.before(controls);
}
if (report.charts) choice.listen(charts.show);
