/// The curves of a report: of runs, and of groups of runs as mean and band.
enum ReportCharts {
  static let text = #"""
    const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888",
      "#8c6d00"];
    const color = index => colors[index % colors.length];
    // Of each group that several of the runs are in, these runs.
    const groups = new Map();
    for (const run of runs) if (run.group) groups.set(run.group, [...groups.get(run.group) || [], run]);
    for (const [name, members] of groups) if (members.length < 2) groups.delete(name);

    // What a chart has a line for: a run, or a group.
    function lines(grouped) {
      const seen = new Set(), result = [];
      for (const run of runs) {
        if (seen.has(run)) continue;
        const group = grouped && groups.get(run.group);
        result.push(group ? {label: run.group, runs: group} : {label: run.label, runs: [run]});
        for (const member of result.at(-1).runs) seen.add(member);
      }
      return result;
    }

    // The sample's size, mean, standard deviation (n − 1), smallest and largest value.
    function sample(values) {
      const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return {n, mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : 0,
        minimum: Math.min(...values), maximum: Math.max(...values)};
    }

    function rowsOf(run, name, scale) {
      const own = run.metrics.filter(row => row.name === name);
      return own.length ? own.map(row => [row.epoch, scale * number(row.value)])
        : run.epochs.map(row => [row.epoch, scale * number(row[name])]);
    }

    // Rows of epoch and value; a group's value is the mean, followed by the sample.
    function series(name, {scale}, drawn) {
      const result = [];
      drawn.forEach((line, index) => {
        let rows = line.runs.flatMap(run => rowsOf(run, name, scale));
        if (line.runs.length > 1) {
          const values = new Map();
          for (const [epoch, value] of rows)
            if (isFinite(value)) values.set(epoch, [...values.get(epoch) || [], value]);
          rows = [...values].sort((a, b) => a[0] - b[0]).map(([epoch, all]) => {
            const found = sample(all);
            return [epoch, found.mean, found];
          });
        }
        if (rows.some(row => !isNaN(row[1]))) result.push({name, label: line.label, index, rows});
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
      const xs = finite.map(row => row[0]);
      const ys = finite.flatMap(([, value, group]) => group
        ? [value - group.deviation, value + group.deviation] : [value]);
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
        const band = curve.rows.filter(row => row[2]);
        if (band.length) {
          const edge = sign => ([epoch, mean, {deviation}]) =>
            x(epoch).toFixed(1) + " " + y(mean + sign * deviation).toFixed(1);
          add(svg, "path", null, {class: "band", fill: color(curve.index), d: "M" + [
            ...band.map(edge(1)), ...band.map(edge(-1)).reverse()].join("L") + "Z"});
        }
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
          const group = row[2] ? ` ± ${short(row[2].deviation)}${unit.suffix}, n = ${row[2].n}` : "";
          line.append((runs.length > 1 ? curve.label + " " : "") + curve.name + " "
            + short(row[1]) + unit.suffix + group);
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

    function learningCurves(recolor) {
      add(page, "h2", "Learning curves");
      add(page, "label", "Solid: validation. Dashed: training.");
      let asGroups;
      if (groups.size) {
        const label = add(page, "label");
        asGroups = add(label, "input", null, {type: "checkbox", checked: ""});
        label.append(" groups as mean and band (± one standard deviation)");
      }
      const box = add(page, "div", null, {class: "charts"});
      const draw = () => {
        const drawn = lines(asGroups && asGroups.checked);
        recolor(drawn);
        box.replaceChildren();
        for (const {title, metrics, format} of charts) {
          const curves = metrics.flatMap(name => series(name, units[format], drawn));
          if (curves.length) chart(box, title, curves, units[format]);
        }
        const own = new Set(runs.flatMap(run => run.metrics.map(row => row.name)));
        for (const name of [...own].sort())
          chart(box, name, series(name, units.number, drawn), units.number);
      };
      if (asGroups) asGroups.addEventListener("change", draw);
      draw();
    }

    // What the runs of each group came to together.
    function groupTable() {
      if (!groups.size) return;
      add(page, "h2", "Groups");
      const node = table(page, ["Group", "Runs", "", "Mean", "Deviation", "Smallest", "Largest"],
        "facts");
      const own = [...new Set(runs.flatMap(run => run.metrics.map(row => row.name)))].sort();
      const measures = [["best_val_accuracy", percent], ["best_val_loss", short],
        ["last_val_accuracy", percent], ["last_val_loss", short]].map(([name, text]) =>
        ({name: name.replace("_", " "), text, value: run => number(run[name])}));
      for (const name of own) measures.push({name, text: short, value: run =>
        number((run.metrics.filter(row => row.name === name).at(-1) || {}).value)});
      for (const [name, members] of groups) {
        for (const measure of measures) {
          const values = members.map(measure.value).filter(isFinite);
          if (!values.length) continue;
          const {n, mean, deviation, minimum, maximum} = sample(values), row = add(node, "tr");
          for (const text of [name, n, measure.name, measure.text(mean),
            n > 1 ? measure.text(deviation) : "–", measure.text(minimum), measure.text(maximum)])
            add(row, "td", text);
        }
      }
    }
    """#
}
