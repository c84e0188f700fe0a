/* Figures as the page writes them, as `covidreport/text/numbers.py` does. */

const wording = (() => {
  const DASH = "–";
  const MINUS = "−";

  const whole = (number) => number.toLocaleString("en-US");

  /* Half-way between two thousandths lie odd sixteenths alone: the even one is written then. */
  const even = (value) => (Math.abs(value * 16) % 2 === 1 ? Math.round(value * 500) / 500 : value);
  const decimal = (value) => {
    if (!Number.isFinite(value)) return DASH;
    return even(value).toFixed(3).replace(/^-(0\.0+)$/, "$1").replace("-", MINUS);
  };

  /* Wilson's 95 % interval, as `metrics/intervals.py` computes it. */
  function wilson(k, n, z) {
    const share = k / n;
    const centre = share + (z * z) / (2 * n);
    const margin = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
    const scale = 1 + (z * z) / n;
    const low = k === 0 ? 0 : Math.min(Math.max((centre - margin) / scale, 0), share);
    const high = k === n ? 1 : Math.max(Math.min((centre + margin) / scale, 1), share);
    return [low, high];
  }

  /* A rate as a cell shows it: the value, and its interval. */
  function rate(k, n, z) {
    if (n === 0) return [DASH, ""];
    const [low, high] = wilson(k, n, z);
    return [decimal(k / n), `${decimal(low)} to ${decimal(high)}`];
  }

  return { whole, decimal, wilson, rate };
})();
