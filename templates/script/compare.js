/* Two to four runs side by side, of any that have figures. */

function setUpCompare(part) {
  const section = document.getElementById("compare");
  const body = section.querySelector(".compare-body");
  const places = new Map(part.runs.map((run, place) => [run.key, place]));
  let chosen = [0, 1];

  const select = (place) => make("select", { onchange: () => choose(read()) },
    ...(place > 1 ? [make("option", { value: "", text: "none" })] : []),
    ...part.runs.map((run, i) => make("option", { value: i, text: run.name })));
  const selects = [0, 1, 2, 3].slice(0, Math.max(2, Math.min(4, part.runs.length))).map(select);
  const controls = make("div", { class: "controls", role: "group", "aria-label": "Choose runs" },
    ...selects.map((one, i) => make("label", { class: "control" },
      make("span", { class: "title", text: `Run ${"ABCD"[i]}` }), one)));
  const status = make("p", { class: "status", role: "status" });
  controls.append(status);
  body.before(controls);

  const read = () => selects.map((one) => one.value).filter((value) => value !== "").map(Number);

  function choose(wanted) {
    chosen = wanted;
    address.set("compare", "runs", chosen.map((i) => part.runs[i].key).join(","));
    draw();
  }

  /* ---- the tables ---- */

  function table(caption, head, rows, kind = "sides", kinds = []) {
    return make("div", { class: "scroll", role: "group", "aria-label": caption, tabindex: "0" },
      make("table", { class: kind }, make("caption", {}, make("bdi", { text: caption })),
        make("thead", {}, make("tr", {}, ...head.map((one, i) =>
          make("th", { scope: "col", class: kinds[i] }, one)))),
        make("tbody", {}, ...rows)));
  }
  const row = (name, values, properties = {}) => make("tr", properties,
    make("th", { scope: "row" }, make("bdi", { text: name })),
    ...values.map((value) => make("td", {}, make("bdi", { text: value }))));
  const remark = (text) => make("p", { class: "remark", text });
  const link = (i) => makeName(part.runs[i].name, part.runs[i].anchor);

  function drawFigures() {
    const names = part.runs[chosen[0]].facts.map(([name]) => name);
    const rows = names.map((name) => row(name, chosen.map((i) =>
      part.runs[i].facts.find(([other]) => other === name)?.[1] ?? "–")));
    return [table("Figures", ["Figure", ...chosen.map(link)], rows)];
  }

  function drawDifferences() {
    const rows = [];
    let missing = false;
    for (let a = 0; a < chosen.length; a += 1) {
      for (let b = a + 1; b < chosen.length; b += 1) {
        const [i, j] = [chosen[a], chosen[b]].sort((x, y) => x - y);
        const figures = part.pairs[`${i},${j}`];
        if (!figures) {
          missing ||= !part.runs[i].alone && !part.runs[j].alone;
          continue;
        }
        const pair = make("th", { scope: "rowgroup", rowspan: figures.length, class: "name" },
          make("bdi", { text: part.runs[i].name }), " minus ",
          make("bdi", { text: part.runs[j].name }));
        figures.forEach(([name, value, interval, p], place) => rows.push(make("tr", {},
          ...(place ? [] : [pair]), make("td", { text: name }),
          ...[value, interval || "–", p].map((text) => make("td", { class: "figure", text })))));
      }
    }
    const drawn = [];
    if (rows.length) {
      drawn.push(table("Paired differences",
        ["Runs", "Figure", "Difference", "95 % CI", "Adjusted p"], rows, "sides differences",
        ["name", "", "figure", "figure", "figure"]), remark(part.pairsNote));
    }
    if (missing) drawn.push(remark(part.noPair));
    const alone = chosen.map((i) => part.runs[i].alone).filter(Boolean);
    return [...drawn, ...alone.map(remark)];
  }

  function drawSettings() {
    const found = chosen.map((i) => new Map(part.runs[i].settings));
    const names = [...new Set(found.flatMap((one) => [...one.keys()]))];
    const rows = names
      .map((name) => [name, found.map((one) => one.get(name) ?? "–")])
      .filter(([, values]) => new Set(values).size > 1)
      .map(([name, values]) => row(name, values));
    return rows.length
      ? [table("Settings that differ", ["Setting", ...chosen.map(link)], rows),
        remark(part.settingsNote)]
      : [remark("No setting of these runs differs.")];
  }

  function drawCases() {
    if (!report.cases) return [];
    const order = new Map(report.cases.runs.map(([, , key], i) => [key, i]));
    const known = chosen.filter((i) => order.has(part.runs[i].key));
    const left = chosen.filter((i) => !known.includes(i)).map((i) =>
      remark(`${part.runs[i].name} is not in the grid of missed cases.`));
    if (known.length < 2) return left;
    const at = known.map((i) => order.get(part.runs[i].key));
    const rows = Object.entries(report.cases.cases).filter(([, one]) => {
      const signs = new Set(at.map((place) => (one.signs[place] === "·" ? "found" : "missed")));
      return one.kind === "positive" && signs.size > 1;
    }).map(([anchor, one]) => make("tr", {},
      make("th", { scope: "row", class: "name" }, make("a", { href: `#${anchor}`,
        "data-case": anchor, "aria-haspopup": "dialog", text: one.name })),
      ...at.map((place) => {
        const wrong = one.signs[place] !== "·";
        return make("td", {},
          make("span", { class: wrong ? "sign wrong" : "sign", text: one.signs[place] }),
          ` ${{ "·": "found", "×": "missed", "?": "not scored" }[one.signs[place]]}, `
          + `${one.scores[place]}`);
      })));
    return rows.length
      ? [table("Cases that one found and another missed", ["Case", ...known.map(link)], rows,
        "sides cases-told"), ...left]
      : [remark(`${left.length ? "The others" : "These runs"} missed the same cases.`), ...left];
  }

  function drawMatrices() {
    const source = document.querySelector("#matrices .matrices-table");
    if (!source) return [];
    const copy = source.cloneNode(false);
    const caption = "Confusion matrices";
    copy.append(make("caption", {}, make("bdi", { text: caption })), source.tHead.cloneNode(true));
    for (const i of chosen) {
      const rows = document.querySelector(`#matrices [data-run="${part.runs[i].key}"]`);
      if (rows) copy.append(rows.cloneNode(true));
    }
    return [make("div", { class: "scroll", role: "group", "aria-label": caption, tabindex: "0" },
      copy)];
  }

  function draw() {
    selects.forEach((one, place) => {
      one.value = chosen[place] ?? "";
      for (const option of one.options) {
        option.disabled = option.value !== one.value && chosen.includes(Number(option.value || -1));
      }
    });
    body.replaceChildren(...drawFigures(), ...drawDifferences(), ...drawSettings(), ...drawCases(),
      ...drawMatrices());
    status.textContent = `${chosen.length} runs side by side`;
  }

  address.add("runs", (value) => {
    const found = [...new Set((value ?? "").split(","))].map((one) => places.get(one))
      .filter((place) => place !== undefined);
    chosen = found.length > 1 ? found.slice(0, 4) : [0, 1];
    draw();
    return found.length > 1;
  });
  draw();
}

if (report.compare) setUpCompare(report.compare);
