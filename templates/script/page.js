/* What every other file of the script uses: the report's data, and elements made in one line.
   The script only adds to a page that is whole without it. */

const report = JSON.parse(document.getElementById("report-data").textContent);

/* An element with properties and children; texts are never read as markup. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/* A run's name, which leads to its section where there is one. */
function makeName(name, anchor) {
  const text = make("bdi", { text: name });
  return anchor ? make("a", { href: `#${anchor}` }, text) : text;
}

/* Styles that apply with a script only begin with `.scripted`. */
document.documentElement.classList.add("scripted");
