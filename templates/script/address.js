/* What the reader has set is kept in the address, behind the name of the section: a link to
   `#ranking?sort=-sensitivity` shows the page as it was. Links inside the page keep it too. */

const address = (() => {
  const settings = new Map();
  let values = new URLSearchParams();
  let section = "";

  function parse() {
    const hash = location.hash.slice(1);
    const mark = hash.indexOf("?");
    return mark < 0
      ? [hash, null]
      : [hash.slice(0, mark), new URLSearchParams(hash.slice(mark + 1))];
  }

  function write() {
    const query = values.toString();
    history.replaceState(null, "", `#${section}${query ? `?${query}` : ""}`);
  }

  /* Every setting takes its value, or null where the address says nothing of it. */
  function restore() {
    const [place, found] = parse();
    section = place;
    if (found === null) {
      if (values.toString()) write();
      return;
    }
    values = found;
    for (const [name, apply] of settings) apply(values.get(name));
    show(place);
  }

  /* Opens what is folded around a place and brings it into sight. */
  function show(place) {
    const target = place && document.getElementById(place);
    if (!target) return;
    for (let around = target; around; around = around.parentElement) {
      if (around instanceof HTMLDetailsElement) around.open = true;
    }
    target.scrollIntoView();
  }

  addEventListener("hashchange", restore);

  return {
    /* A setting by its name; `apply` is called when the address changes. */
    add(name, apply) { settings.set(name, apply); },
    /* Keeps a value under a setting's name; null or "" forgets it. */
    set(place, name, value) {
      if (value === null || value === "") values.delete(name);
      else values.set(name, value);
      section = place;
      write();
    },
    start: restore,
  };
})();

/* Once every file has added its settings. */
document.addEventListener("DOMContentLoaded", () => address.start());
