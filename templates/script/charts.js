/* Draws a specification live in the place of its static picture, once a reader comes near it or
   sets something. */

const chart = (() => {
  const options = {
    ast: true, actions: false, defaultStyle: false, renderer: "svg", tooltip: false,
    logLevel: 1, // an empty layer is no fault: only errors are said
  };
  const views = new Map();
  const wanted = new Map();

  function place(name) {
    return document.querySelector(`.drawing[data-chart="${name}"]`);
  }

  async function start(name, rows) {
    const made = document.createElement("div");
    const { view } = await vegaEmbed(made, { ...report.charts.specs[name], datasets: rows }, options);
    made.querySelector("svg").setAttribute("aria-hidden", "true");
    place(name).replaceChildren(made);
    return view;
  }

  /* Rows that come while a chart is being drawn are drawn after it, and only the last of them. */
  async function draw(name, rows) {
    if (!place(name)) return;
    const busy = wanted.has(name);
    wanted.set(name, rows);
    if (busy) return;
    while (wanted.get(name) !== null) {
      const next = wanted.get(name);
      wanted.set(name, null);
      if (!views.has(name)) {
        views.set(name, await start(name, next));
      } else {
        const view = views.get(name);
        for (const [data, values] of Object.entries(next)) view.data(data, values);
        await view.runAsync();
      }
    }
    wanted.delete(name);
  }

  /* Calls back once, when the element is about to be seen. */
  function whenNear(element, callback) {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        callback();
      }
    }, { rootMargin: "400px" });
    observer.observe(element);
  }

  /* A drawn chart: its SVG, the group of its (first) axes, and their scales; null before that. */
  function frame(name) {
    const view = views.get(name);
    if (!view) return null;
    const svg = place(name).querySelector("svg");
    const first = name === "reliability" ? "concat_0_" : "";
    const group = svg.querySelector(first ? ".concat_0_group > g" : ".root > g");
    return { svg, group, x: view.scale(`${first}x`), y: view.scale(`${first}y`) };
  }

  return { draw, frame, whenNear };
})();
