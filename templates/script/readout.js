/* A line beneath a chart that says what stands at a point of it. A pointer or a finger chooses the
   point on the chart, the arrow keys choose it on the line: left and right along a curve, up and
   down from one curve to another.

   `find` gives the chart as it is drawn: its `svg`, the `group` in whose units places are, `marks`
   ({series, slot, name, x, y}, and `say` for the words; those of a series side by side) and which of
   them is said first; or null where nothing of it is seen. */

function addReadout(figure, title, find) {
  const reach = 60;
  const ring = document.createElementNS(SVG, "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "7");
  const line = make("div", {
    class: "readout", role: "slider", tabindex: "0", "aria-label": `Values of ${title}`,
    "aria-valuemin": 1, hidden: true, onkeydown: step, onfocus: () => point(),
    onblur: () => ring.remove(),
  });
  figure.append(line);
  let shown = null;
  let at = 0;

  function say() {
    const { slot, name } = shown.marks[at];
    const text = shown.marks[at].say();
    line.replaceChildren(...(slot === undefined ? [] : [swatch(slot)]),
      ...(name ? [make("bdi", { class: "who", text: name }), " "] : []),
      make("span", { text }));
    line.setAttribute("aria-valuemax", shown.marks.length);
    line.setAttribute("aria-valuenow", at + 1);
    line.setAttribute("aria-valuetext", name ? `${name}, ${text}` : text);
  }

  /* Puts the ring where the said mark stands. */
  function point() {
    const { svg, group, marks } = shown;
    const inside = svg.getScreenCTM().inverse().multiply(group.getScreenCTM());
    const place = new DOMPoint(marks[at].x, marks[at].y).matrixTransform(inside);
    ring.setAttribute("cx", place.x);
    ring.setAttribute("cy", place.y);
    svg.append(ring);
  }

  function go(place) {
    at = place;
    say();
    point();
  }

  /* The mark nearest to a place, among some of them. */
  function nearest(x, y, among) {
    let [best, least] = [-1, Infinity];
    for (const [i, mark] of shown.marks.entries()) {
      const far = Math.hypot(mark.x - x, mark.y - y);
      if (far < least && among(mark)) [best, least] = [i, far];
    }
    return [best, least];
  }

  function step(event) {
    const { marks } = shown;
    const { series, x, y } = marks[at];
    const names = [...new Set(marks.map((mark) => mark.series))];
    const along = (place) => (marks[place]?.series === series ? place : at);
    const across = (by) => {
      const other = names[names.indexOf(series) - by];
      return names.length < 2 ? along(at + by)
        : other === undefined ? at : nearest(x, y, (mark) => mark.series === other)[0];
    };
    const moves = {
      ArrowRight: () => along(at + 1), ArrowLeft: () => along(at - 1),
      ArrowUp: () => across(1), ArrowDown: () => across(-1),
      Home: () => marks.findIndex((mark) => mark.series === series),
      End: () => marks.findLastIndex((mark) => mark.series === series),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    go(moves[event.key]());
  }

  function follow(event) {
    if (!shown) return;
    const here = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(shown.group.getScreenCTM().inverse());
    const [place, far] = nearest(here.x, here.y, () => true);
    if (far <= reach) go(place);
    else ring.remove();
  }
  for (const drawing of figure.querySelectorAll(".drawing, .scatter")) {
    drawing.addEventListener("pointermove", follow);
    drawing.addEventListener("pointerdown", follow);
    drawing.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && document.activeElement !== line) ring.remove();
    });
  }

  /* Says the first mark of the chart as it is drawn now. */
  function refresh() {
    shown = find();
    ring.remove();
    line.hidden = !shown?.marks.length;
    if (line.hidden) { shown = null; return; }
    at = Math.max(0, shown.first);
    say();
  }

  refresh();
  return { refresh };
}

/* One sentence on it, where charts stand side by side. */
for (const drawings of report.charts ? document.querySelectorAll(".group.charts") : []) {
  drawings.before(make("p", { class: "remark tell", text:
    "Point at a chart to read it; on the line beneath it the arrow keys do the same." }));
}

/* Where a run's circle or a reader's diamond stands. */
function placeOf(dot) {
  return (dot.matches("circle") ? [dot.getAttribute("cx"), dot.getAttribute("cy")]
    : dot.getAttribute("d").slice(1).split(/[ m]/, 2)).map(Number);
}

/* The dots of a ranking's picture: what each says stands in its title. */
for (const figure of document.querySelectorAll(".trade-off")) {
  const pictures = [...figure.querySelectorAll(".scatter")].map((svg) => {
    const marks = [...svg.querySelectorAll("g > title")].map((title) => {
      const [x, y] = placeOf(title.parentNode.querySelector("circle, path"));
      const best = title.parentNode.classList.contains("best");
      return { series: 0, x, y, best, say: () => title.textContent };
    }).sort((a, b) => a.x - b.x || b.y - a.y);
    svg.querySelectorAll("g > title").forEach((title) => title.remove());
    return { svg, group: svg, marks, first: marks.findIndex((mark) => mark.best) };
  });
  const seen = () => pictures.find(({ svg }) => svg.getClientRects().length) ?? null;
  const drawn = make("div");
  const around = make("div", { class: "pictures" }, drawn);
  pictures[0].svg.before(around);
  drawn.append(...pictures.map(({ svg }) => svg));
  const reading = addReadout(around, "missed cases against false alarms", seen);
  matchMedia("(max-width: 40rem)").addEventListener("change", () => reading.refresh());
}
