/* The ranking: sorted by any column, with the runs and columns that the reader wants. */

const nameColumn = (column) => `${column[0]}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

function setUpRanking(part) {
  const section = document.getElementById(part.anchor);
  const table = section?.querySelector("table.ranked");
  if (!table) return;
  const setting = (name) => (part.anchor === "ranking" ? name : `${part.anchor}.${name}`);
  const body = table.tBodies[0];
  const dividers = [...body.querySelectorAll("tr.divide")];
  const given = [...body.rows];
  const rows = given
    .filter((row) => !dividers.includes(row))
    .map((row, place) => ({ row, place, facets: part.rows[place][0], words: part.rows[place][1],
      values: part.rows[place][2] }));
  const unranked = [...(section.querySelector("table.unranked")?.tBodies[0].rows ?? [])]
    .map((row, place) => ({ row, facets: part.unranked[place][0], words: part.unranked[place][1] }));
  const nothing = make("tr", { class: "nothing" }, make("td", {}));
  const caption = table.caption.querySelector("bdi");
  const givenCaption = caption.textContent;
  const columns = part.columns.map((column) => nameColumn(column));
  const state = { sort: null, down: false, search: "", facets: new Map(), hidden: new Set() };
  const names = ["sort", "search", "hide", ...part.facets.map(([key]) => key)];
  const status = make("p", { class: "status", role: "status" });
  const reset = make("button", { type: "button", text: "Reset", onclick: () => {
    for (const name of names) {
      address.set(part.anchor, setting(name), null);
      apply(name, null);
    }
  } });

  /* ---- what is shown ---- */

  function compare(a, b, column) {
    const [x, y] = [a.values[column], b.values[column]];
    if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
    const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return (state.down ? -order : order) || a.place - b.place;
  }

  function isWanted(one) {
    const found = state.search.toLowerCase().split(/\s+/).every((word) => one.words.includes(word));
    return found && part.facets.every(([key], i) => {
      const value = state.facets.get(key) ?? "";
      return value === "" || one.facets[i] === value;
    });
  }

  function draw() {
    const sorted = state.sort === null
      ? given
      : [...rows].sort((a, b) => compare(a, b, state.sort)).map((one) => one.row);
    for (const one of [...rows, ...unranked]) one.row.hidden = !isWanted(one);
    const shown = rows.filter((one) => !one.row.hidden).length;
    const rest = unranked.filter((one) => !one.row.hidden).length;
    for (const row of dividers) row.hidden = shown < rows.length;
    body.replaceChildren(...sorted, ...(shown ? [] : [nothing]));
    nothing.cells[0].textContent = rest ? "No ranked run matches" : "No run matches";
    for (const row of [table.tHead.rows[0], ...rows.map((one) => one.row)]) {
      columns.forEach((name, i) => { row.cells[i].hidden = state.hidden.has(name); });
    }
    for (const row of [...dividers, nothing]) {
      row.cells[0].colSpan = columns.length - state.hidden.size;
    }
    heads.forEach((head, i) => {
      const order = state.sort === i ? (state.down ? "descending" : "ascending") : null;
      if (order) head.setAttribute("aria-sort", order);
      else head.removeAttribute("aria-sort");
    });
    const unrankedWords = unranked.length ? `, ${rest} of ${unranked.length} without a rank` : "";
    const by = state.sort === null ? ""
      : `sorted by ${part.columns[state.sort][0]}, ${state.down ? "descending" : "ascending"}`;
    status.textContent = `${shown} of ${rows.length} ranked runs shown${unrankedWords}${by && `, ${by}`}`;
    caption.textContent = by ? `${rows.length} runs ${by}` : givenCaption;
    reset.disabled = !names.some(isSet);
  }

  /* ---- what the reader sets ---- */

  function apply(name, value) {
    if (name === "sort") {
      state.down = value?.startsWith("-") ?? false;
      const place = value === null ? -1 : columns.indexOf(value.replace(/^-/, ""));
      state.sort = place < 0 ? null : place;
    } else if (name === "search") {
      state.search = search.value = value ?? "";
    } else if (name === "hide") {
      state.hidden = new Set((value ?? "").split(",").filter((one) => boxes.has(one)));
      for (const [column, box] of boxes) box.checked = !state.hidden.has(column);
    } else {
      const select = selects.get(name);
      const known = [...select.options].some((option) => option.value === value);
      select.value = known ? value : "";
      state.facets.set(name, select.value);
    }
    draw();
    return isSet(name);
  }

  function isSet(name) {
    if (name === "sort") return state.sort !== null;
    if (name === "hide") return state.hidden.size > 0;
    return Boolean(name === "search" ? state.search : state.facets.get(name));
  }

  function set(name, value) {
    address.set(part.anchor, setting(name), value);
    apply(name, value === "" ? null : value);
  }

  function sortBy(place) {
    const falling = ["figure"].includes(part.columns[place][2]) || columns[place] === "found"
      || columns[place].startsWith("against") || columns[place].startsWith("is-the-best");
    if (state.sort !== place) return set("sort", `${falling ? "-" : ""}${columns[place]}`);
    if (state.down === falling) return set("sort", `${state.down ? "" : "-"}${columns[place]}`);
    return set("sort", null);
  }

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const title = head.querySelector("bdi");
    const button = make("button", { type: "button", class: "sort", onclick: () => sortBy(place) });
    title.replaceWith(button);
    button.append(title, make("span", { class: "arrow", "aria-hidden": "true" }));
  });

  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false",
    size: "18", oninput: () => set("search", search.value.trim()) });
  const selects = new Map(part.facets.map(([key, title, values]) => [key, make("select",
    { "aria-label": title, onchange: (event) => set(key, event.target.value) },
    make("option", { value: "", text: "all" }),
    ...values.map((value) => make("option", { value, text: value })))]));
  const boxes = new Map(part.columns.flatMap((column, place) => {
    if (column[2] === "name" || column[2] === "rank") return [];
    const box = make("input", { type: "checkbox", checked: true, onchange: () => {
      if (box.checked) state.hidden.delete(columns[place]);
      else state.hidden.add(columns[place]);
      set("hide", [...state.hidden].join(","));
    } });
    return [[columns[place], box]];
  }));
  const choices = make("details", { class: "menu",
    onkeydown: (event) => {
      if (event.key !== "Escape" || !choices.open) return;
      choices.open = false;
      choices.querySelector("summary").focus();
    },
    onfocusout: (event) => {
      if (event.relatedTarget && !choices.contains(event.relatedTarget)) choices.open = false;
    } }, make("summary", { text: "Columns" }),
    make("div", { class: "menu-body", role: "group", "aria-label": "Columns" },
      ...part.columns.flatMap((column, place) => {
        const box = boxes.get(columns[place]);
        return box ? [make("label", {}, box, ` ${column[0]}`)] : [];
      })));
  const titled = (title, control) => make("label", { class: "control" },
    make("span", { class: "title", text: title }), control);
  const controls = make("div", { class: "controls", role: "group", "aria-label": "Choose runs" },
    titled("Search", search),
    ...part.facets.map(([key, title]) => titled(title, selects.get(key))),
    choices, reset, status);
  table.closest(".scroll").before(controls);
  document.addEventListener("pointerdown", (event) => {
    if (!choices.contains(event.target)) choices.open = false;
  });

  for (const name of names) {
    address.add(setting(name), (value) => apply(name, value));
  }
  draw();
}

for (const part of report.rankings) setUpRanking(part);
