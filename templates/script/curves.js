/* Curves of training and calibration for the runs that are chosen. */

(() => {
  const section = document.getElementById("curves");
  if (!section || !report.charts) return;
  const charts = report.charts;
  const names = Array.from(section.querySelectorAll(".drawing"), (one) => one.dataset.chart);
  const controls = section.querySelector(".controls");
  section.querySelector(".key-of-runs").remove();
  if (names.includes("reliability") && charts.labels.length > 1) {
    controls.append(labelChooser("Label of the calibration"));
  }
  controls.append(make("div", { class: "control wide" },
    make("span", { class: "title", text: "Runs" }), runChooser()));

  function show({ slots, label }) {
    for (const name of names) {
      chart.draw(name, name === "reliability" ? rows.reliability(charts, slots, label)
        : rows.epochs(charts, slots, name));
    }
    const calibrated = section.querySelector(".label-of-calibration");
    if (calibrated) calibrated.textContent = charts.labels.find(([key]) => key === label)[1];
  }

  let near = false;
  choice.listen((state) => { if (near) show(state); });
  chart.whenNear(section, () => { near = true; show(choice.state); });
})();
