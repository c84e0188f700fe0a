/* On paper stands what is open; with the appendix, or where there is none, all that is folded, too.
   Style sheets do that in browsers that know `::details-content`; what was opened for the printer is
   folded again. */

(() => {
  const choice = document.getElementById("print-appendix");
  let opened = [];
  addEventListener("beforeprint", () => {
    if (choice && !choice.checked) return;
    opened = [...document.querySelectorAll("main details:not([open])")]
      .filter((one) => !one.closest(".controls"));
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    opened = [];
  });

  if (!choice) return;
  const given = choice.checked;
  address.add("appendix", (value) => {
    choice.checked = value === null ? given : value === "printed";
    return choice.checked !== given;
  });
  choice.addEventListener("change", () => {
    const words = choice.checked ? "printed" : "not-printed";
    address.set("", "appendix", choice.checked === given ? null : words);
  });
})();
