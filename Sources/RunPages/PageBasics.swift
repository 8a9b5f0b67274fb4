/// What the scripts of all pages are written with: elements, numbers as text.
enum PageBasics {
  static let text = #"""
    // Text with every character spelled out that has no shape of its own: `hidden` is defined with
    // this script.
    const visible = (text, keepsLines) => String(text).replace(hidden, character =>
      keepsLines && "\n\t".includes(character) ? character
        : {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
          || `\\u{${character.codePointAt(0).toString(16).toUpperCase()}}`);

    // Everything that a page shows as text goes through here or `add`.
    const say = (node, text) => { node.textContent = visible(text); };

    function add(parent, name, text, attributes) {
      const svg = parent.namespaceURI.endsWith("svg") || name === "svg";
      const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
        : document.createElement(name);
      if (text !== null && text !== undefined)
        node.textContent = visible(text, name === "pre");
      for (const key in attributes || {}) {
        // A security policy without inline styles lets a script set them, but not as an attribute.
        if (key === "style") node.style.cssText = attributes[key];
        else node.setAttribute(key, visible(attributes[key]));
      }
      parent.append(node);
      return node;
    }

    const number = value => value === null || value === undefined ? NaN : Number(value);
    const percent = value => isFinite(value) ? (100 * value).toFixed(2) + " %" : "–";
    const short = value => isNaN(value) ? "nan" : Number(value.toPrecision(5)).toString();
    // A moment in the time zone of who looks.
    const moment = text => {
      const date = new Date(text), pad = value => String(value).padStart(2, "0");
      return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} `
        + `${pad(date.getHours())}:${pad(date.getMinutes())}`;
    };
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
      label.append(" " + visible(text));
      input.addEventListener("change", () => change(input.checked));
      return input;
    }
    """#
}
