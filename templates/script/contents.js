/* The contents mark the section that is read: a column at the side, or a menu that closes once it
   has led somewhere. */

(() => {
  const nav = document.querySelector("nav.contents");
  if (!nav) return;
  const menu = nav.querySelector("details");
  const here = nav.querySelector(".here");
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const wide = matchMedia("(min-width: 75rem)");
  const fit = () => { menu.open = wide.matches; };
  const isMenu = () => !wide.matches && menu.open;
  wide.addEventListener("change", fit);
  fit();

  nav.addEventListener("click", (event) => {
    if (event.target.closest("a") && isMenu()) menu.open = false;
  });
  nav.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isMenu()) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!nav.contains(event.target) && isMenu()) menu.open = false;
  });

  /* The last section that begins above a third of the window. */
  function mark() {
    const current = sections.findLast((one) => one.getBoundingClientRect().top < innerHeight / 3)
      ?? sections[0];
    for (const [id, link] of links) {
      if (id === current?.id) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
    here.textContent = links.get(current?.id)?.textContent ?? "";
  }
  const watcher = new IntersectionObserver(() => mark(), { rootMargin: "-33% 0px -66% 0px" });
  for (const one of sections) watcher.observe(one);
  mark();
})();
