/// What the other scripts of a report are written with: the runs, elements, numbers as text.
enum ReportBasics {
  static let text = #"""
    "use strict";
    const runs = JSON.parse(document.getElementById("data").textContent);
    const page = document.getElementById("page");

    function add(parent, name, text, attributes) {
      const svg = parent.namespaceURI.endsWith("svg") || name === "svg";
      const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
        : document.createElement(name);
      if (text !== null && text !== undefined) node.textContent = text;
      for (const key in attributes || {}) node.setAttribute(key, attributes[key]);
      parent.append(node);
      return node;
    }

    const number = value => value === null || value === undefined ? NaN : Number(value);
    const percent = value => isFinite(value) ? (100 * value).toFixed(2) + " %" : "–";
    const short = value => isNaN(value) ? "nan" : Number(value.toPrecision(5)).toString();
    // In what a chart's numbers are shown.
    const units = {percent: {scale: 100, suffix: " %"}, bytes: {scale: 2 ** -20, suffix: " MiB"},
      number: {scale: 1, suffix: ""}};

    function table(parent, titles, className) {
      const box = add(parent, "div", null, {class: "scroll"});
      const node = add(box, "table", null, className ? {class: className} : {});
      const row = add(node, "tr");
      for (const title of titles) add(row, "th", title);
      return node;
    }
    """#
}
