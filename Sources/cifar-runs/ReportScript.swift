/// What a report does in the browser.
enum ReportScript {
  static let text = #"""
    "use strict";
    const runs = JSON.parse(document.getElementById("data").textContent);
    const page = document.getElementById("page");
    const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888",
      "#8c6d00"];
    const color = index => colors[index % colors.length];

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

    function overview() {
      const node = table(page, ["Run", "Status", "Recipe", "Data", "Started", "Time", "Epochs",
        "Best accuracy", "Best loss", "Tags"]);
      runs.forEach((run, index) => {
        const row = add(node, "tr");
        const name = add(row, "td");
        add(name, "span", null, {class: "swatch", style: "background:" + color(index)});
        name.append(run.label + (run.label === run.id.slice(0, 8) ? "" : " · " + run.id.slice(0, 8)));
        for (const text of [run.status, run.recipe, run.dataset,
          new Date(run.started).toLocaleString(), run.duration,
          run.epochs.length + " of " + run.epochs_planned,
          percent(number(run.best_val_accuracy)), short(number(run.best_val_loss)),
          run.tags.join(", ")]) add(row, "td", text);
      });
    }

    function series(name, {scale}) {
      const result = [];
      runs.forEach((run, index) => {
        const own = run.metrics.filter(row => row.name === name);
        const rows = own.length ? own.map(row => [row.epoch, scale * number(row.value)])
          : run.epochs.map(row => [row.epoch, scale * number(row[name])]);
        if (rows.some(row => !isNaN(row[1]))) result.push({name, run, index, rows});
      });
      return result;
    }

    function ticks(low, high, count) {
      const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough) || rough;
      const result = [];
      for (let tick = Math.ceil(low / step); tick * step <= high; tick++) result.push(tick * step);
      return result;
    }

    function chart(parent, title, curves, unit) {
      const box = add(parent, "div", null, {class: "chart"});
      add(box, "strong", title);
      const width = 480, height = 260, left = 52, right = 10, top = 12, bottom = 26;
      const svg = add(box, "svg", null, {viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": title});
      const finite = curves.flatMap(c => c.rows).filter(row => isFinite(row[1]));
      if (!finite.length) { add(box, "p", "no finite values"); return; }
      const xs = finite.map(row => row[0]), ys = finite.map(row => row[1]);
      let x0 = Math.min(...xs), x1 = Math.max(...xs), y0 = Math.min(...ys), y1 = Math.max(...ys);
      if (x0 === x1) { x0 -= 1; x1 += 1; }
      if (y0 === y1) { const m = Math.abs(y0) / 10 || 1; y0 -= m; y1 += m; }
      const x = value => left + (value - x0) / (x1 - x0) * (width - left - right);
      const y = value => height - bottom - (value - y0) / (y1 - y0) * (height - top - bottom);
      for (const tick of ticks(y0, y1, 5)) {
        add(svg, "line", null, {x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid"});
        add(svg, "text", short(tick) + unit.suffix,
          {x: left - 6, y: y(tick) + 4, "text-anchor": "end"});
      }
      for (const tick of ticks(x0, x1, 8).filter(Number.isInteger))
        add(svg, "text", tick, {x: x(tick), y: height - 8, "text-anchor": "middle"});
      for (const curve of curves) {
        let path = "", pen = "M";
        for (const [epoch, value] of curve.rows) {
          if (isFinite(value)) { path += pen + x(epoch).toFixed(1) + " " + y(value).toFixed(1); pen = "L"; }
          else pen = "M";
        }
        add(svg, "path", null, {d: path, class: "curve", stroke: color(curve.index),
          "stroke-dasharray": curve.name.startsWith("train") ? "4 3" : "none"});
        const seen = curve.rows.filter(row => isFinite(row[1]));
        if (seen.length === 1) add(svg, "circle", null,
          {cx: x(seen[0][0]), cy: y(seen[0][1]), r: 3, fill: color(curve.index)});
      }
      const cursor = add(svg, "line", null, {y1: top, y2: height - bottom, class: "cursor",
        visibility: "hidden"});
      const tip = add(box, "div", null, {class: "tip", hidden: ""});
      const hover = event => {
        const bounds = svg.getBoundingClientRect();
        const place = (event.clientX - bounds.left) / bounds.width * width;
        const nearest = xs.reduce((a, b) => Math.abs(x(a) - place) < Math.abs(x(b) - place) ? a : b);
        cursor.setAttribute("x1", x(nearest));
        cursor.setAttribute("x2", x(nearest));
        cursor.setAttribute("visibility", "visible");
        tip.replaceChildren();
        add(tip, "div", "epoch " + nearest);
        for (const curve of curves) {
          const row = curve.rows.find(row => row[0] === nearest);
          if (!row || isNaN(row[1]) && !curve.rows.length) continue;
          const line = add(tip, "div");
          add(line, "span", null, {class: "swatch", style: "background:" + color(curve.index)});
          line.append((runs.length > 1 ? curve.run.label + " " : "") + curve.name + " "
            + short(row[1]) + unit.suffix);
        }
        tip.hidden = false;
        const isLeft = place > width / 2;
        tip.style.left = isLeft ? "" : x(nearest) / width * bounds.width + 12 + "px";
        tip.style.right = isLeft ? bounds.width - x(nearest) / width * bounds.width + 12 + "px" : "";
        tip.style.top = "40px";
      };
      svg.addEventListener("pointermove", hover);
      svg.addEventListener("pointerleave", () => {
        tip.hidden = true;
        cursor.setAttribute("visibility", "hidden");
      });
    }

    function learningCurves() {
      add(page, "h2", "Learning curves");
      add(page, "label", "Solid: validation. Dashed: training.");
      const box = add(page, "div", null, {class: "charts"});
      for (const {title, metrics, format} of charts) {
        const curves = metrics.flatMap(name => series(name, units[format]));
        if (curves.length) chart(box, title, curves, units[format]);
      }
      const own = new Set(runs.flatMap(run => run.metrics.map(row => row.name)));
      for (const name of [...own].sort())
        chart(box, name, series(name, units.number), units.number);
    }

    function hyperparameters() {
      add(page, "h2", "Hyperparameters");
      const sets = runs.map(run => new Map(run.hyperparameters));
      const names = [...new Set(sets.flatMap(set => [...set.keys()]))];
      const differs = name => new Set(sets.map(set => set.get(name))).size > 1;
      let only;
      if (runs.length > 1) {
        const label = add(page, "label");
        only = add(label, "input", null, {type: "checkbox"});
        label.append(" only those that differ");
      }
      const node = table(page, ["", ...runs.map(run => run.label)]);
      for (const name of names) {
        const row = add(node, "tr", null, differs(name) ? {class: "differs"} : {});
        add(row, "th", name);
        for (const set of sets) add(row, "td", set.has(name) ? set.get(name) : "–");
        if (only) only.addEventListener("change", () => {
          row.hidden = only.checked && !differs(name);
        });
      }
    }

    function classes(run) {
      const {class_names: names, confusion, epoch, image_shape: shape} = run.evaluation;
      add(page, "h2", `Confusion matrix of ${run.label}, epoch ${epoch}`);
      add(page, "label", "Rows: the actual class. Columns: what the model took it for.");
      const node = table(page, ["", ...names, "recall"], "confusion");
      confusion.forEach((counts, actual) => {
        const row = add(node, "tr"), total = counts.reduce((a, b) => a + b, 0);
        add(row, "th", names[actual]);
        counts.forEach((count, predicted) => {
          const share = total ? count / total : 0;
          const ground = actual === predicted ? "0 158 115" : "213 94 0";
          add(row, "td", count || "", {style: `background: rgb(${ground} / ${share.toFixed(3)})`,
            title: `${names[actual]} taken for ${names[predicted]}: ${count} of ${total}`});
        });
        add(row, "td", total ? percent(counts[actual] / total) : "–", {class: "number"});
      });
      images(`What ${run.label} gets most wrong`, run.misclassified, names, shape);
      images(`Samples, as ${run.label} sees them`, run.samples, names, shape);
    }

    function images(title, predictions, names, [channels, height, width]) {
      if (!predictions.length) return;
      add(page, "h2", title);
      const box = add(page, "div", null, {class: "images"});
      for (const image of predictions) {
        const figure = add(box, "figure");
        const canvas = add(figure, "canvas", null, {width, height});
        const bytes = atob(image.pixels), context = canvas.getContext("2d");
        const pixels = context.createImageData(width, height), count = width * height;
        for (let i = 0; i < count; i++) {
          for (let color = 0; color < 3; color++)
            pixels.data[4 * i + color] = bytes.charCodeAt(count * (channels === 1 ? 0 : color) + i);
          pixels.data[4 * i + 3] = 255;
        }
        context.putImageData(pixels, 0, 0);
        add(figure, "figcaption", `${names[image.predicted]} ${(100 * image.probability).toFixed(0)} %,`
          + ` is ${names[image.actual]}`);
      }
    }

    function sessions() {
      add(page, "h2", "Sessions and notes");
      const node = table(page, ["Run", "Started", "Ended as", "Machine", "Version", "Command", "Commit"]);
      for (const run of runs) {
        for (const session of run.sessions) {
          const row = add(node, "tr");
          for (const text of [run.label, new Date(session.started).toLocaleString(),
            session.status + (session.reason ? ": " + session.reason : ""),
            `${session.host}, ${session.threads} threads, ${session.instruction_set}`,
            session.library_version, session.command_line,
            (session.git_commit || "").slice(0, 12)]) add(row, "td", text);
        }
        for (const note of run.notes) {
          const row = add(node, "tr");
          add(row, "td", run.label);
          add(row, "td", new Date(note.created).toLocaleString());
          add(add(row, "td", null, {colspan: 5}), "pre", note.text);
        }
      }
    }

    page.replaceChildren();
    overview();
    learningCurves();
    for (const run of runs) if (run.evaluation) classes(run);
    hyperparameters();
    sessions();
    """#
}
