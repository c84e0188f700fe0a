/* Each figure can be saved as it is seen: as SVG and as PNG that stand by themselves, and the values
   that can be read in it as CSV. Nothing is sent anywhere: files are made here. */

(() => {
  const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
    "stroke-linecap", "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight",
    "text-anchor"];
  const DENSITY = 2; // pixels a unit of the picture

  const LINE = 18; // height of a line of the title and of the key
  const LETTER = 7;

  function draw(tag, attributes, text = "") {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  /* The drawing that is seen as an SVG that needs no style sheet: on the colour of the page, under
     its title, with the runs that are shown beneath it and a note where it needs one. */
  function copySvg(drawn, title, runs, note) {
    const box = drawn.viewBox.baseVal;
    const words = [title, ...runs.map((run) => run.textContent), note];
    const width = Math.max(box.width, ...words.map((text) => 60 + LETTER * text.length));
    const height = box.height + LINE * (runs.length + 2 + (note ? 1 : 0));
    const [left, top] = [box.x, box.y - 1.5 * LINE];
    const style = getComputedStyle(document.body);
    const font = { fill: style.color, "font-size": 12 };
    const svg = draw("svg", {
      xmlns: SVG, width, height, viewBox: `${left} ${top} ${width} ${height}`,
      "font-family": style.fontFamily,
    });
    svg.append(draw("title", {}, title),
      draw("rect", { x: left, y: top, width, height, fill: style.backgroundColor }),
      draw("text", { ...font, x: left + 4, y: top + LINE - 4, "font-weight": 700 }, title),
      ...copy(drawn).childNodes);
    runs.forEach((run, i) => {
      const y = box.y + box.height + LINE * (i + 1);
      const key = draw("g", { transform: `translate(${left + 8} ${y - 9})` });
      key.append(...copy(run.querySelector("svg")).childNodes);
      svg.append(key, draw("text", { ...font, x: left + 50, y }, run.querySelector("bdi").textContent));
    });
    const y = box.y + box.height + LINE * (runs.length + 1);
    if (note) svg.append(draw("text", { ...font, x: left + 8, y }, note));
    return svg;
  }

  function copy(node) {
    const made = node.cloneNode(false);
    if (!(node instanceof Element)) return made;
    const style = getComputedStyle(node);
    for (const { name } of [...made.attributes]) {
      if (name === "class" || name.startsWith("data-") || name.startsWith("aria-")) made.removeAttribute(name);
    }
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      const above = node.ownerSVGElement ? getComputedStyle(node.parentNode).getPropertyValue(name) : "";
      if (value && (value !== above || made.hasAttribute(name))) made.setAttribute(name, value);
    }
    for (const child of node.childNodes) {
      if (!(child instanceof Element) || getComputedStyle(child).display !== "none") made.append(copy(child));
    }
    return made;
  }

  function save(blob, name) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  async function drawPng(svg) {
    const picture = new Image();
    picture.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
    await picture.decode();
    const canvas = make("canvas", {
      width: DENSITY * svg.getAttribute("width"), height: DENSITY * svg.getAttribute("height"),
    });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  /* A cell that a spreadsheet reads as text or as a number, and never as a formula. */
  function cell(value) {
    if (value === null) return "";
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : `${value}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /* What gives the titles and the rows of what a figure shows; null where it has no values. */
  function listRows(figure) {
    const { chart } = figure.dataset;
    if (chart) return () => [["run", "x", "y", "reading"], ...readings.values(chart)];
    const kept = report.values?.[figure.closest("[data-values]")?.dataset.values];
    if (!kept) return null;
    const [titles, ...columns] = kept;
    const unpack = (column) => (Array.isArray(column) ? column : column.at.map((i) => column.of[i]));
    const whole = columns.map(unpack);
    return () => [titles, ...whole[0].map((_, i) => whole.map((column) => column[i]))];
  }

  for (const figure of document.querySelectorAll(".chart[data-chart], .trade-off, .diagram, .mean-maps > figure")) {
    const seen = () => [...figure.querySelectorAll("svg")].find((svg) =>
      svg.getClientRects().length && !svg.closest(".swatch"));
    const title = figure.dataset.chart ? figure.querySelector("figcaption").textContent
      : figure.querySelector("svg title, figcaption")?.textContent ?? "figure";
    const name = (figure.dataset.chart ?? title).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 40);
    const runs = () => (figure.dataset.chart
      ? [...figure.closest("main > section").querySelectorAll(".chosen li")] : []);
    const note = () => (figure.dataset.chart ? readings.note(figure.dataset.chart) : "");
    const stand = () => copySvg(seen(), title, runs(), note());
    const kinds = {
      SVG: () => save(new Blob([new XMLSerializer().serializeToString(stand())], { type: "image/svg+xml" }), `${name}.svg`),
      PNG: async () => save(await drawPng(stand()), `${name}.png`),
    };
    const list = listRows(figure);
    if (list) {
      kinds.CSV = () => {
        const lines = list().map((row) => row.map(cell).join(","));
        save(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }), `${name}.csv`);
      };
    }
    figure.append(make("p", { class: "save", role: "group", "aria-label": `Save ${title}` }, "Save ",
      ...Object.entries(kinds).map(([kind, act]) => make("button", { type: "button", text: kind, onclick: act }))));
  }
})();
