/* What the reader has set is kept in the address, behind the name of the section: a link to
   `#ranking?sort=-sensitivity` shows the page as it was. Links inside the page keep it too.

   A setting changes the entry of the browser's history that is there; only what is opened over the
   page makes a new one, so that Back closes it. Entries that were written here are marked: coming
   back to one sets all as it was there, while a link leads somewhere and changes nothing. */

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

  function write(how = "replaceState", opened = history.state?.opened ?? false) {
    const query = values.toString().replaceAll("%2C", ",");
    const hash = section || query ? `#${section}${query ? `?${query}` : ""}` : location.href;
    try {
      history[how]({ ours: true, opened }, "", hash);
    } catch (error) { // a page that is embedded in another has no address of its own to keep it in
      if (error.name !== "SecurityError") throw error;
    }
  }

  /* Every setting takes its value, or null where the address says nothing of it. One that means
     nothing to the page is forgotten. */
  function restore() {
    const [place, found] = parse();
    const known = history.state?.ours ?? false;
    section = place;
    if (found === null && !known) {
      write();
      show(place);
      return;
    }
    values = found ?? new URLSearchParams();
    for (const [name, apply] of settings) {
      if (apply(values.get(name)) === false) values.delete(name);
    }
    for (const name of [...values.keys()]) if (!settings.has(name)) values.delete(name);
    write();
    if (!known) show(place);
  }

  /* Opens what is folded around a place and brings it into sight. */
  function show(place) {
    const target = place && document.getElementById(place);
    if (!target) return;
    const within = target.querySelector(":scope > details.part");
    for (let around = within ?? target; around; around = around.parentElement) {
      if (around instanceof HTMLDetailsElement) around.open = true;
    }
    target.scrollIntoView();
  }

  function change(name, value) {
    if (value === null || value === "") values.delete(name);
    else values.set(name, value);
  }

  addEventListener("hashchange", restore);

  return {
    /* A setting by its name; `apply` is called when the address changes, and says false to a value
       that it does not know. */
    add(name, apply) { settings.set(name, apply); },
    /* Keeps a value under a setting's name, behind that of its section; null or "" forgets it. */
    set(place, name, value) { this.setAll(place, [[name, value]]); },
    setAll(place, pairs) {
      for (const [name, value] of pairs) change(name, value);
      section = place;
      write();
    },
    /* The same for what is opened over the page: Back closes it. */
    open(place, name, value) {
      change(name, value);
      section = place;
      write("pushState", true);
    },
    /* Another value in the place of what is open. */
    step(name, value) { this.set(section, name, value); },
    /* Back to the entry before what was opened, or forgotten where a link opened it. */
    close(name) {
      if (!values.has(name)) return;
      if (history.state?.opened) history.back();
      else this.set(section, name, null);
    },
    /* Forgets a value with the next step that the reader takes. */
    forget(name) { values.delete(name); },
    start() {
      restore();
      show(section); // a page that is loaded again has folded it
    },
  };
})();

/* Once every file has added its settings. */
document.addEventListener("DOMContentLoaded", () => address.start());
