/* Pictures: each in a dialog that every link to it opens, and a grid of them in words. */

/* A score on a line from 0 to 1, as the page draws it. */
function drawScore(score, wrong) {
  const svg = document.createElementNS(SVG, "svg");
  const shapes = [["line", { class: "base", x1: 0, y1: 8, x2: 100, y2: 8 }],
    ["line", { class: "half", x1: 50, y1: 3, x2: 50, y2: 13 }],
    ["circle", { class: wrong ? "wrong" : "right", cx: 100 * score, cy: 8, r: 3.6 }]];
  for (const [tag, properties] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(properties)) shape.setAttribute(name, value);
    svg.append(shape);
  }
  svg.setAttribute("class", "strip");
  svg.setAttribute("viewBox", "-4 0 108 16");
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

function setUpPictures(blocks) {
  const all = new Map(blocks.flatMap((block) => Object.entries(block.pictures)
    .map(([id, one]) => [id, { words: block.words, ...one, id, block }])));
  const find = (link) => all.get(link?.getAttribute("href")?.slice(1));
  const { runs } = blocks[0];
  const section = document.getElementById(all.keys().next().value).closest("main > section");
  const noun = blocks[0].noun.toLowerCase();
  let opener = null;
  const grids = [...section.querySelectorAll("table.signs")];
  const headOf = (cell) => cell?.closest("table").tHead.rows[0].cells[cell.cellIndex];
  const heads = grids.flatMap((grid) => [...grid.tHead.rows[0].cells]);

  /* ---- those that one run got wrong ---- */

  let chosen = -1;
  const isShown = (one) => chosen < 0 || one.signs[chosen] !== "·";
  const missed = make("select", { onchange: () => {
    address.set(section.id, "missed", missed.value);
    choose(missed.value);
  } }, make("option", { value: "", text: "any run" }), ...runs.flatMap(([name, , key], place) =>
    ([...all.values()].some((one) => one.signs[place] !== "·")
      ? [make("option", { value: key, text: name })] : [])));
  const status = make("p", { class: "status", role: "status" });
  (section.querySelector(".scroll") ?? section.querySelector("h3"))?.before(
    make("div", { class: "controls" }, make("label", { class: "control" },
      make("span", { class: "title", text: "Cases that were wrong for" }), missed), status));

  function choose(key) {
    missed.value = key ?? "";
    if (missed.selectedIndex < 0) missed.value = "";
    chosen = runs.findIndex(([, , other]) => other === missed.value);
    for (const head of heads) {
      const one = find(head.querySelector("a"));
      if (!one) continue;
      for (const row of head.closest("table").rows) row.cells[head.cellIndex].hidden = !isShown(one);
    }
    for (const grid of grids) { // a part of the columns of which none is left
      grid.closest(".scroll").hidden = !grid.tHead.querySelector("th:has(a):not([hidden])");
    }
    for (const card of section.querySelectorAll(".card")) {
      card.hidden = !isShown(find(card.querySelector("a")));
    }
    for (const one of all.values()) document.getElementById(one.id).hidden = !isShown(one);
    const count = ({ counted, pictures }) => {
      const ids = Object.keys(pictures);
      return `${ids.filter((id) => isShown(all.get(id))).length} of ${ids.length} ${counted}`;
    };
    status.textContent = `${blocks.map(count).join(" and ")} shown`;
    return chosen >= 0;
  }
  choose(null);
  address.add("missed", choose);

  /* ---- one in a dialog ---- */

  const title = make("h2", { id: "picture-title" });
  const gist = make("p", { class: "gist" });
  const body = make("div", { class: "picture-body" });
  let shown = null;
  const step = (by) => () => {
    const alike = [...all.values()].filter((one) => one.block === shown.block && isShown(one));
    const next = alike.at((alike.indexOf(shown) + by) % alike.length);
    address.step("case", next.id);
    fill(next);
  };
  const dialog = make("dialog", { class: "picture", "aria-labelledby": "picture-title",
    onclose: () => {
      address.close("case");
      opener?.focus();
    },
    onclick: (event) => { if (event.target === dialog) dialog.close(); },
    onkeydown: (event) => {
      if (event.key === "ArrowLeft") step(-1)();
      if (event.key === "ArrowRight") step(1)();
    } },
  make("div", { class: "picture-head" }, title, gist, make("div", { class: "moves" },
    make("button", { type: "button", text: "←", "aria-label": `Previous ${noun}`, onclick: step(-1) }),
    make("button", { type: "button", text: "→", "aria-label": `Next ${noun}`, onclick: step(1) }),
    make("button", { type: "button", text: "Close", autofocus: true, onclick: () => dialog.close() }))),
  body);
  document.body.append(dialog);
  body.addEventListener("click", (event) => {
    if (!event.target.closest("a")) return;
    opener = null; // the reader goes to a run, and its place is not to be lost again
    address.forget("case");
    dialog.close();
  });

  function fill(one) {
    shown = one;
    title.textContent = `${one.block.noun} ${one.name}`;
    gist.textContent = one.gist;
    const card = [...section.querySelectorAll(".card")]
      .find((each) => find(each.querySelector("a")) === one);
    const picture = card?.querySelector("img, .seen");
    const side = make("div", { class: "facts" });
    if (picture) {
      const src = picture.src ?? picture.querySelector("image").getAttribute("href");
      side.append(make("img", { src, alt: picture.alt ?? picture.getAttribute("aria-label") }));
      side.append(...[...card.querySelectorAll(".layer")].map((each) => each.cloneNode(true)));
    }
    if (one.facts.length) {
      side.append(make("dl", {}, ...one.facts.map(([name, value]) =>
        make("div", {}, make("dt", { text: name }), make("dd", { text: value })))));
    }
    const rows = runs.map(([name, run], i) => {
      const sign = one.signs[i];
      return make("tr", {},
        make("th", { scope: "row" }, makeName(name, run)),
        make("td", { class: "figure", text: one.scores[i] }),
        make("td", {}, ...(sign === "?" ? [] : [drawScore(Number(one.scores[i]), sign === "×")])),
        make("td", { class: sign === "·" ? "" : "sign wrong", text: one.words[sign] }));
    });
    const head = ["Run", "Score", "0 to 1", "Answer"].map((text, i) =>
      make("th", { scope: "col", text, class: i === 1 ? "figure" : "" }));
    body.classList.toggle("bare", !side.childElementCount);
    body.replaceChildren(...(side.childElementCount ? [side] : []), make("table", {},
      make("caption", { class: "hidden", text: "What each run said of it" }),
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
    body.scrollTop = 0;
  }

  function open(one, from) {
    if (dialog.open && shown === one) return;
    opener = from;
    fill(one);
    if (!dialog.open) dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const cell = event.target.closest("table.signs tbody td");
    const from = event.target.closest("a")
      ?? event.target.closest(".card > :is(img, .seen)")?.closest(".card").querySelector("a")
      ?? (cell && section.contains(cell) ? headOf(cell).querySelector("a") : null);
    const one = find(from);
    if (!one) return;
    event.preventDefault();
    address.open(section.id, "case", one.id);
    open(one, from);
  });
  for (const link of section.querySelectorAll("a")) {
    if (find(link)) link.setAttribute("aria-haspopup", "dialog");
  }
  address.add("case", (id) => {
    const known = all.has(id);
    if (known) open(all.get(id), null);
    else if (dialog.open) dialog.close();
    return known;
  });

  /* ---- what stands under the pointer ---- */

  if (!grids.length) return;
  const line = make("p", { class: "grid-line" });
  grids.at(-1).closest(".scroll").after(line);

  function light(cell) {
    for (const one of section.querySelectorAll(".lit")) one.classList.remove("lit");
    const head = headOf(cell);
    const one = find(head?.querySelector("a"));
    if (!one) {
      line.textContent = "Point at a cell to read it; choose a case to see all of its scores.";
      return;
    }
    const grid = head.closest("table");
    for (const each of grid.rows) each.cells[head.cellIndex]?.classList.add("lit");
    const place = [...grid.tBodies[0].rows].indexOf(cell.closest("tr"));
    const { noun } = one.block;
    const facts = one.facts.map(([name, value]) => `${name.toLowerCase()} ${value}`).join(", ");
    line.textContent = (place < 0 ? `${noun} ${one.name}: `
      : `${runs[place][0]}, ${noun.toLowerCase()} ${one.name}: ${one.words[one.signs[place]]}, score ${
        one.scores[place]}; `) + one.gist + (facts && `; ${facts}`);
  }
  const follow = (event) => light(event.target.closest("td, th"));
  for (const grid of grids) {
    grid.addEventListener("pointerover", follow);
    grid.addEventListener("pointerleave", () => light(null));
    grid.addEventListener("focusin", follow);
    grid.addEventListener("focusout", () => light(null));
  }
  light(null);
}

if (report.pictures) setUpPictures(report.pictures);
