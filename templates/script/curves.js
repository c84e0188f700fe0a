/* Curves of training and calibration for the runs that are chosen. */

(() => {
  const section = document.getElementById("curves");
  if (!section || !report.charts) return;
  const charts = report.charts;
  const names = Array.from(section.querySelectorAll(".drawing"), (one) => one.dataset.chart);
  const controls = section.querySelector(".controls");
  section.querySelector(".key-of-runs").remove();
  if (names.includes("reliability") && choice.labels.length > 1) {
    controls.append(labelChooser("curves", "Label of the calibration"));
  }
  if (names.some((name) => name !== "reliability")) {
    controls.append(buttons("Split", "Split of the curves by epoch",
      [[null, "both"], ["training", "training"], ["validation", "validation"]],
      (split) => split === choice.state.split, (split) => choice.set("curves", { split })));
  }
  controls.append(make("div", { class: "control wide" },
    make("span", { class: "title", text: "Runs" }), runChooser("curves")));

  tellHow(section.querySelector(".drawings"));
  const lines = new Map(names.map((name) => [name, readings.add(name,
    name === "reliability" ? (_, state) => readings.reliability(state) : readings.epochs)]));

  function show({ slots, label, split }) {
    for (const name of names) {
      chart.draw(name, name === "reliability" ? rows.reliability(charts, slots, label)
        : rows.epochs(charts, slots, name, split)).then(() => lines.get(name).refresh());
    }
  }

  let near = false;
  choice.listen((state) => { if (near) show(state); });
  chart.whenNear(section, () => { near = true; show(choice.state); });
})();
