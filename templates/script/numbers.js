/* Figures as the page writes them, as `covidreport/text/numbers.py` does. */

const numbers = (() => {
  const DASH = "–";
  const MINUS = "−";

  const whole = (number) => number.toLocaleString("en-US");

  /* Half-way between two thousandths lie odd sixteenths alone: the even one is written then. */
  const even = (value) => (Math.abs(value * 16) % 2 === 1 ? Math.round(value * 500) / 500 : value);
  const decimal = (value) => {
    if (!Number.isFinite(value)) return DASH;
    return even(value).toFixed(3).replace(/^-(0\.0+)$/, "$1").replace("-", MINUS);
  };

  return { whole, decimal };
})();
