/// What the scripts of all pages are written with: elements, numbers as text.
enum PageBasics {
  static let text = #"""
    function add(parent, name, text, attributes) {
      const svg = parent.namespaceURI.endsWith("svg") || name === "svg";
      const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
        : document.createElement(name);
      if (text !== null && text !== undefined) node.textContent = text;
      for (const key in attributes || {}) {
        // A security policy without inline styles lets a script set them, but not as an attribute.
        if (key === "style") node.style.cssText = attributes[key];
        else node.setAttribute(key, attributes[key]);
      }
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

    function checkbox(parent, text, checked, change) {
      const label = add(parent, "label");
      const input = add(label, "input", null, {type: "checkbox"});
      input.checked = checked;
      label.append(" " + text);
      input.addEventListener("change", () => change(input.checked));
      return input;
    }
    """#
}
