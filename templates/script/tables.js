/* A table with a key: sorted by any column, with the rows and columns that the reader wants. Other
   tables of the same key are filtered with it. */

const readFacets = (element) => JSON.parse(element.dataset.facets ?? "[]");

/* What a row is found, chosen and sorted by; an empty cell or a dash goes last. */
function readRow(row, place) {
  const values = [...row.cells].map((cell) => {
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const text = (cell.querySelector("bdi, b") ?? cell).textContent;
    return text === "" || text === "–" ? null : text;
  });
  const names = [...row.querySelectorAll("th")].map((name) => name.textContent).join(" ");
  return { row, place, values, facets: readFacets(row),
    words: `${names} ${row.dataset.words ?? ""}`.toLowerCase() };
}

function setUpTable(table, others) {
  const key = table.dataset.key;
  const facets = readFacets(table);
  const setting = (name) => (key === "ranking" ? name : `${key}.${name}`);
  const body = table.tBodies[0];
  const dividers = [...body.querySelectorAll("tr.divide")];
  const given = [...body.rows];
  const rows = given.filter((row) => !dividers.includes(row)).map(readRow);
  const unranked = others.flatMap((other) => [...other.tBodies[0].rows].map(readRow));
  const nothing = make("tr", { class: "nothing" }, make("td", {}));
  const caption = table.caption.querySelector("bdi");
  const givenCaption = caption.textContent;
  const heads = [...table.tHead.rows[0].cells];
  const titles = heads.map((head) => head.querySelector("bdi").textContent);
  const columns = titles.map((title) => title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-"));
  /* What is hidden until it is asked for: more of it where the page is narrow. */
  const least = { medium: 721, wide: 1056, asked: Infinity };
  const listAsked = () => columns.filter((_, i) => Object.entries(least).some(([room, width]) =>
    heads[i].classList.contains(room) && document.querySelector("main").clientWidth < width));
  let asked = listAsked();
  const state = { sort: null, down: false, search: "", facets: new Map(), hidden: new Set(asked),
    group: null };
  const names = ["sort", "group", "search", "hide", "all", ...facets.map(([name]) => name)];
  const all = table.closest(".with-rest")?.querySelector(".all-rows input");
  const status = make("p", { class: "status", role: "status" });
  const reset = make("button", { type: "button", text: "Reset", onclick: () => {
    for (const name of names) {
      address.set(key, setting(name), null);
      apply(name, null);
    }
  } });

  /* ---- what is shown ---- */

  function compare(a, b, column) {
    const [x, y] = [a.values[column], b.values[column]];
    if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
    /* A column of numbers may say in words why it has none; words go behind. */
    if (typeof x !== typeof y) return (typeof x === "string") - (typeof y === "string");
    const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return (state.down ? -order : order) || a.place - b.place;
  }

  function isWanted(one) {
    const found = state.search.toLowerCase().split(/\s+/).every((word) => one.words.includes(word));
    return found && facets.every(([name], i) => {
      const value = state.facets.get(name) ?? "";
      return value === "" || one.facets[i] === value;
    });
  }

  /* The rows under a head for each value of the setting that they are grouped by; those of which
     none is shown have none. */
  function groupRows(sorted) {
    const place = facets.findIndex(([name]) => name === state.group);
    if (place < 0) return sorted;
    const [, title, values] = facets[place];
    const known = new Map(rows.map((one) => [one.row, one.facets[place]]));
    return [...values, ""].flatMap((value) => {
      const of = sorted.filter((row) => known.has(row) && known.get(row) === value);
      if (!of.some((row) => !row.hidden)) return of;
      const words = value === "" ? `${title} not stated` : `${title} ${value}`;
      return [make("tr", { class: "divide" }, make("td", { colspan: columns.length - state.hidden.size },
        make("span", { text: words }))), ...of];
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
    body.replaceChildren(...groupRows(sorted), ...(shown ? [] : [nothing]));
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
      : `sorted by ${titles[state.sort]}, ${state.down ? "descending" : "ascending"}`;
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
      const hidden = value?.split(",").filter((one) => boxes.has(one)) ?? asked;
      state.hidden = new Set(value === "none" || hidden.length ? hidden : asked);
      for (const [column, box] of boxes) box.checked = !state.hidden.has(column);
    } else if (name === "group") {
      state.group = facets.some(([facet]) => facet === value) ? value : null;
      grouping.value = state.group ?? "";
    } else if (name === "all") {
      if (all) all.checked = value === "1";
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
    if (name === "hide") return `${[...state.hidden].sort()}` !== `${[...asked].sort()}`;
    if (name === "group") return state.group !== null;
    if (name === "all") return all?.checked ?? false;
    return Boolean(name === "search" ? state.search : state.facets.get(name));
  }

  function set(name, value) {
    address.set(key, setting(name), value);
    apply(name, value === "" ? null : value);
  }

  function sortBy(place) {
    const falling = "falls" in heads[place].dataset;
    if (state.sort !== place) return set("sort", `${falling ? "-" : ""}${columns[place]}`);
    if (state.down === falling) return set("sort", `${state.down ? "" : "-"}${columns[place]}`);
    return set("sort", null);
  }

  heads.forEach((head, place) => {
    const title = head.querySelector("bdi");
    const button = make("button", { type: "button", class: "sort", onclick: () => sortBy(place) });
    title.replaceWith(button);
    button.append(title, make("span", { class: "arrow", "aria-hidden": "true" }));
  });

  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false",
    size: "18", oninput: () => set("search", search.value.trim()) });
  const selects = new Map(facets.map(([name, title, values]) => [name, make("select",
    { "aria-label": title, onchange: (event) => set(name, event.target.value) },
    make("option", { value: "", text: "all" }),
    ...values.map((value) => make("option", { value, text: value })))]));
  const grouping = make("select", { "aria-label": "Group by", onchange: () => set("group", grouping.value) },
    make("option", { value: "", text: "nothing" }),
    ...facets.map(([name, title]) => make("option", { value: name, text: title })));
  const boxes = new Map(heads.flatMap((head, place) => {
    if (head.matches(".name, .rank")) return [];
    const box = make("input", { type: "checkbox", checked: !asked.includes(columns[place]), onchange: () => {
      if (box.checked) state.hidden.delete(columns[place]);
      else state.hidden.add(columns[place]);
      set("hide", [...state.hidden].join(",") || "none");
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
      ...titles.flatMap((title, place) => {
        const box = boxes.get(columns[place]);
        return box ? [make("label", {}, box, ` ${title}`)] : [];
      })));
  const titled = (title, control) => make("label", { class: "control" },
    make("span", { class: "title", text: title }), control);
  const controls = make("div", { class: "controls", role: "group", "aria-label": "Choose runs" },
    titled("Search", search),
    ...facets.map(([name, title]) => titled(title, selects.get(name))),
    ...(facets.length ? [make("div", { class: "control" },
      make("span", { class: "title", text: "Group by" }), grouping)] : []), choices, reset, status);
  if (rows.length + unranked.length > 1) table.closest(".scroll").before(controls);
  else table.closest(".scroll").before(make("div", { class: "controls" }, choices));
  document.addEventListener("pointerdown", (event) => {
    if (!choices.contains(event.target)) choices.open = false;
  });

  addEventListener("resize", () => {
    const own = isSet("hide");
    asked = listAsked();
    if (!own) apply("hide", null);
  });
  all?.addEventListener("change", () => set("all", all.checked ? "1" : ""));
  for (const name of names) {
    address.add(setting(name), (value) => apply(name, value));
  }
  draw();
}

{
  const keyed = [...document.querySelectorAll("table[data-key]")];
  for (const key of new Set(keyed.map((table) => table.dataset.key))) {
    const [first, ...others] = keyed.filter((table) => table.dataset.key === key);
    if (first.querySelector("th.rank")) setUpTable(first, others);
  }
}
