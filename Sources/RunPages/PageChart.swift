/// One chart of a page: axes, curves, bands, and the values under the pointer.
enum PageChart {
  static let text = #"""
    const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888",
      "#8c6d00"];
    const color = index => colors[index % colors.length];

    function ticks(low, high, count) {
      const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough) || rough;
      const result = [];
      for (let tick = Math.ceil(low / step); tick * step <= high; tick++) result.push(tick * step);
      return result;
    }

    // Of a logarithmic axis: powers of ten, with 2 and 5 of each where these are few.
    function powers(low, high) {
      const result = [], few = high / low < 1e4;
      for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++)
        for (const factor of few ? [1, 2, 5] : [1])
          if (factor * 10 ** power >= low && factor * 10 ** power <= high)
            result.push(Number((factor * 10 ** power).toPrecision(1)));
      return result.length > 1 ? result : [low, high];
    }

    // An exponential moving average, without the pull of its start.
    function smoothed(rows, weight) {
      let sum = 0, norm = 0;
      return rows.map(([epoch, value, sample]) => {
        if (!isFinite(value)) return [epoch, value, sample];
        sum = weight * sum + (1 - weight) * value;
        norm = weight * norm + (1 - weight);
        return [epoch, sum / norm, sample];
      });
    }

    // Curves: {name, label, index, rows: [[epoch, value, sample of a group]]}.
    function chart(parent, title, curves, unit, {smoothing = 0, log = false, several = true} = {}) {
      const box = add(parent, "div", null, {class: "chart"});
      add(box, "strong", title);
      // What is drawn smaller than it is made is hard to read.
      const width = innerWidth < 600 ? 370 : 480, height = innerWidth < 600 ? 230 : 260;
      const left = 58, right = 10, top = 12, bottom = 26;
      const svg = add(box, "svg", null, {viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": title});
      const shows = value => isFinite(value) && (!log || value > 0);
      const finite = curves.flatMap(c => c.rows).filter(row => shows(row[1]));
      if (!finite.length) {
        svg.remove();
        add(box, "p", log ? "no values above 0" : "no finite values");
        return;
      }
      const xs = [...new Set(finite.map(row => row[0]))];
      const ys = finite.flatMap(([, value, group]) => group
        ? [value - group.deviation, value + group.deviation].filter(shows).concat(value) : [value]);
      const range = values => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)],
        [Infinity, -Infinity]);
      let [x0, x1] = range(xs), [y0, y1] = range(ys);
      if (x0 === x1) { x0 -= 1; x1 += 1; }
      if (y0 === y1) { const m = Math.abs(y0) / 10 || 1; y0 -= m; y1 += m; }
      const measure = log ? Math.log10 : value => value;
      const x = value => left + (value - x0) / (x1 - x0) * (width - left - right);
      const y = value => height - bottom
        - (measure(Math.max(value, log ? y0 : value)) - measure(y0)) / (measure(y1) - measure(y0))
        * (height - top - bottom);
      for (const tick of log ? powers(y0, y1) : ticks(y0, y1, 5)) {
        add(svg, "line", null, {x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid"});
        add(svg, "text", short(tick) + unit.suffix,
          {x: left - 6, y: y(tick) + 4, "text-anchor": "end"});
      }
      for (const tick of ticks(x0, x1, 8).filter(Number.isInteger))
        add(svg, "text", tick, {x: x(tick), y: height - 8, "text-anchor": "middle"});
      const path = rows => {
        let text = "", pen = "M";
        for (const [epoch, value] of rows) {
          if (shows(value)) { text += pen + x(epoch).toFixed(1) + " " + y(value).toFixed(1); pen = "L"; }
          else pen = "M";
        }
        return text;
      };
      for (const curve of curves) {
        const band = curve.rows.filter(row => row[2] && shows(row[1]));
        if (band.length) {
          const edge = sign => ([epoch, mean, {deviation}]) =>
            x(epoch).toFixed(1) + " " + y(mean + sign * deviation).toFixed(1);
          const isTraining = curve.name.startsWith("train");
          add(svg, "path", null, {class: isTraining ? "band train" : "band",
            fill: color(curve.index), stroke: isTraining ? color(curve.index) : "none", d: "M" + [
            ...band.map(edge(1)), ...band.map(edge(-1)).reverse()].join("L") + "Z"});
        }
        const dashes = curve.name.startsWith("train") ? "4 3" : "none";
        if (smoothing) add(svg, "path", null, {d: path(curve.rows), class: "raw",
          stroke: color(curve.index), "stroke-dasharray": dashes});
        add(svg, "path", null, {d: path(smoothing ? smoothed(curve.rows, smoothing) : curve.rows),
          class: "curve", stroke: color(curve.index), "stroke-dasharray": dashes});
        // No line goes through a value that has none beside it.
        curve.rows.forEach((row, at) => {
          const isAlone = [at - 1, at + 1].every(
            other => !curve.rows[other] || !shows(curve.rows[other][1]));
          if (shows(row[1]) && isAlone) add(svg, "circle", null,
            {cx: x(row[0]), cy: y(row[1]), r: 3, fill: color(curve.index)});
        });
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
        let more = 0;
        for (const curve of curves) {
          const row = curve.rows.find(row => row[0] === nearest);
          if (!row || isNaN(row[1]) && !curve.rows.length) continue;
          if (tip.childElementCount > 16) { more++; continue; }
          const line = add(tip, "div");
          add(line, "span", null, {class: "swatch", style: "background:" + color(curve.index)});
          const group = row[2] ? ` ± ${short(row[2].deviation)}${unit.suffix}, n = ${row[2].n}` : "";
          line.append(visible((several ? curve.label + " " : "") + curve.name + " "
            + short(row[1]) + unit.suffix + group));
        }
        if (more) add(tip, "div", `and ${more} more`);
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
    """#
}
