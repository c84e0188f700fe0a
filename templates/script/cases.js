/* Missed cases: what stands under the pointer in words, and every case in a dialog. */

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

function setUpCases(part) {
  const section = document.getElementById("cases");
  const anchors = Object.keys(part.cases);
  const meanings = {
    positive: { "×": "missed", "·": "found", "?": "not scored" },
    alarm: { "×": "false alarm", "·": "cleared", "?": "not scored" },
  };
  let opener = null;
  const grid = section.querySelector(".case-grid");
  const heads = grid ? [...grid.tHead.rows[0].cells] : [];

  /* ---- the cases that one run got wrong ---- */

  let chosen = -1;
  const isShown = (anchor) => chosen < 0 || part.cases[anchor].signs[chosen] !== "·";
  const missed = make("select", { onchange: () => {
    address.set("cases", "missed", missed.value);
    choose(missed.value);
  } }, make("option", { value: "", text: "any run" }), ...part.runs.flatMap(([name, , key], place) =>
    (anchors.some((one) => part.cases[one].signs[place] !== "·")
      ? [make("option", { value: key, text: name })] : [])));
  const status = make("p", { class: "status", role: "status" });
  (section.querySelector(".scroll") ?? section.querySelector("h3"))?.before(
    make("div", { class: "controls" }, make("label", { class: "control" },
      make("span", { class: "title", text: "Cases that were wrong for" }), missed), status));

  function choose(key) {
    missed.value = key ?? "";
    if (missed.selectedIndex < 0) missed.value = "";
    chosen = part.runs.findIndex(([, , other]) => other === missed.value);
    heads.forEach((head, column) => {
      const anchor = head.querySelector("[data-case]")?.dataset.case;
      if (anchor) for (const row of grid.rows) row.cells[column].hidden = !isShown(anchor);
    });
    for (const card of section.querySelectorAll(".card")) {
      card.hidden = !isShown(card.querySelector("[data-case]").dataset.case);
    }
    for (const row of section.querySelectorAll(".cases-listed tbody tr")) row.hidden = !isShown(row.id);
    const count = (kind) => {
      const all = anchors.filter((one) => part.cases[one].kind === kind);
      return `${all.filter(isShown).length} of ${all.length}`;
    };
    status.textContent = `${count("positive")} missed cases and ${count("alarm")} false alarms shown`;
    return chosen >= 0;
  }
  choose(null);
  address.add("missed", choose);

  /* ---- one case in a dialog ---- */

  const title = make("h2", { id: "case-dialog-title" });
  const gist = make("p", { class: "gist" });
  const body = make("div", { class: "case-body" });
  const step = (by) => () => {
    const kind = part.cases[dialog.dataset.case].kind;
    const alike = anchors.filter((one) => part.cases[one].kind === kind && isShown(one));
    const next = alike.at((alike.indexOf(dialog.dataset.case) + by) % alike.length);
    address.step("case", next);
    fill(next);
  };
  const dialog = make("dialog", { class: "case", "aria-labelledby": "case-dialog-title",
    onclose: () => {
      address.close("case");
      opener?.focus();
    },
    onclick: (event) => { if (event.target === dialog) dialog.close(); },
    onkeydown: (event) => {
      if (event.key === "ArrowLeft") step(-1)();
      if (event.key === "ArrowRight") step(1)();
    } },
  make("div", { class: "case-head" }, title, gist, make("div", { class: "moves" },
    make("button", { type: "button", text: "←", "aria-label": "Previous case", onclick: step(-1) }),
    make("button", { type: "button", text: "→", "aria-label": "Next case", onclick: step(1) }),
    make("button", { type: "button", text: "Close", autofocus: true, onclick: () => dialog.close() }))),
  body);
  document.body.append(dialog);
  body.addEventListener("click", (event) => {
    if (!event.target.closest("a")) return;
    opener = null; // the reader goes to a run, and its place is not to be lost again
    address.forget("case");
    dialog.close();
  });

  function fill(anchor) {
    const one = part.cases[anchor];
    dialog.dataset.case = anchor;
    title.textContent = `${one.kind === "positive" ? "Case" : "Image"} ${one.name}`;
    gist.textContent = one.gist;
    const picture = section.querySelector(`.card [data-case="${anchor}"]`)?.closest(".card")
      .querySelector("img");
    const side = make("div", { class: "facts" });
    if (picture) side.append(make("img", { src: picture.src, alt: picture.alt }));
    if (one.facts.length) {
      side.append(make("dl", {}, ...one.facts.map(([name, value]) =>
        make("div", {}, make("dt", { text: name }), make("dd", { text: value })))));
    }
    const rows = part.runs.map(([name, run], i) => {
      const sign = one.signs[i];
      return make("tr", {},
        make("th", { scope: "row" }, makeName(name, run)),
        make("td", { class: "figure", text: one.scores[i] }),
        make("td", {}, ...(sign === "?" ? [] : [drawScore(Number(one.scores[i]), sign === "×")])),
        make("td", { class: sign === "·" ? "" : "sign wrong",
          text: meanings[one.kind][sign] }));
    });
    const head = ["Run", "Score", "0 to 1", "Answer"].map((text, i) =>
      make("th", { scope: "col", text, class: i === 1 ? "figure" : "" }));
    body.classList.toggle("bare", !side.childElementCount);
    body.replaceChildren(...(side.childElementCount ? [side] : []), make("table", {},
      make("caption", { class: "hidden", text: "What each run said of it" }),
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
    body.scrollTop = 0;
  }

  function open(anchor, from) {
    if (dialog.open && dialog.dataset.case === anchor) return;
    opener = from;
    fill(anchor);
    if (!dialog.open) dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-case]")
      ?? event.target.closest(".card img")?.closest(".card").querySelector("[data-case]");
    const cell = event.target.closest(".case-grid tbody td");
    const head = cell && heads[cell.cellIndex]?.querySelector("[data-case]");
    const from = link ?? head;
    if (!from || !(from.dataset.case in part.cases)) return;
    event.preventDefault();
    address.open(from.closest("main > section").id, "case", from.dataset.case);
    open(from.dataset.case, from);
  });
  for (const link of section.querySelectorAll("[data-case]")) {
    link.setAttribute("aria-haspopup", "dialog");
  }
  address.add("case", (anchor) => {
    const known = Object.hasOwn(part.cases, anchor ?? "");
    if (known) open(anchor, null);
    else if (dialog.open) dialog.close();
    return known;
  });

  /* ---- what stands under the pointer ---- */

  if (!grid) return;
  const line = make("p", { class: "case-line" });
  grid.closest(".scroll").after(line);
  let lit = -1;

  function light(column, row) {
    if (lit > 1) for (const one of grid.rows) one.cells[lit]?.classList.remove("lit");
    lit = column;
    const anchor = heads[column]?.querySelector("[data-case]")?.dataset.case;
    if (!anchor) {
      line.textContent = "Point at a cell to read it; choose a case to see all of its scores.";
      return;
    }
    for (const each of grid.rows) each.cells[column]?.classList.add("lit");
    const one = part.cases[anchor];
    const place = row ? [...grid.tBodies[0].rows].indexOf(row) : -1;
    const facts = one.facts.map(([name, value]) => `${name.toLowerCase()} ${value}`).join(", ");
    line.textContent = place < 0
      ? `Case ${one.name}: ${one.gist}${facts && `; ${facts}`}`
      : `${part.runs[place][0]}, case ${one.name}: ${meanings.positive[one.signs[place]]}, score `
        + `${one.scores[place]}; ${one.gist}${facts && `; ${facts}`}`;
  }
  const follow = (event) => {
    const cell = event.target.closest("td, th");
    light(cell?.cellIndex ?? -1, cell?.closest("tbody tr"));
  };
  grid.addEventListener("pointerover", follow);
  grid.addEventListener("pointerleave", () => light(-1));
  grid.addEventListener("focusin", follow);
  grid.addEventListener("focusout", () => light(-1));
  light(-1);
}

if (report.cases) setUpCases(report.cases);
