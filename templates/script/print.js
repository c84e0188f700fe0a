/* On paper everything that is folded stands open. Style sheets do that too, in browsers that know
   `::details-content`; what was opened for the printer is folded again afterwards. */

(() => {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")]
      .filter((one) => !one.closest(".controls"));
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    opened = [];
  });
})();
