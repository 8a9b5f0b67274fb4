/// Parallel coordinates: an axis for each hyperparameter in which runs differ, a line for each run.
enum UISweepScript {
  static let text = #"""
    const results = [
      {name: "best_val_accuracy", title: "best accuracy", better: 1, scale: 100, suffix: " %"},
      {name: "best_val_loss", title: "best loss", better: -1, scale: 1, suffix: ""},
    ];
    // From bad to good: distinguishable in grey and by the colour-blind, on light ground and dark.
    const shades = [[213, 94, 0], [204, 121, 167], [86, 180, 233], [0, 158, 115]];
    const shade = share => {
      const at = Math.min(Math.max(share, 0), 1) * (shades.length - 1);
      const low = Math.min(Math.floor(at), shades.length - 2), part = at - low;
      return `rgb(${shades[low].map((v, i) => Math.round(v + (shades[low + 1][i] - v) * part)).join(" ")})`;
    };

    // From the values of all runs: numbers where all are numbers, else the texts, each its place;
    // `order` has those that have another order than the alphabet's.
    function axisOf(name, values, order = []) {
      const there = values.filter(value => value !== undefined);
      const numbers = there.map(Number);
      if (there.length && there.every(text => text !== "") && numbers.every(isFinite)) {
        const low = Math.min(...numbers), high = Math.max(...numbers);
        const log = low > 0 && high / low >= 30, measure = log ? Math.log10 : value => value;
        const span = measure(high) - measure(low);
        const few = [...new Set(numbers)].sort((a, b) => a - b);
        const marks = few.length <= 8 ? few : log ? powers(low, high) : ticks(low, high, 6);
        return {name, marks: marks.map(value => [value, short(value)]),
          at: value => span ? (measure(Number(value)) - measure(low)) / span : 0.5};
      }
      const place = text => order.includes(text) ? order.indexOf(text) : order.length;
      const texts = [...new Set(there)].sort((a, b) =>
        place(a) - place(b) || a.localeCompare(b, "en", {numeric: true}));
      return {name, marks: texts.slice(0, 20).map(text => [text, text]),
        at: value => texts.length > 1 ? texts.indexOf(value) / (texts.length - 1) : 0.5};
    }

    // Where the axes are. On a wide page they stand side by side, and the best is on top; on a narrow
    // one they lie below each other, with their marks beneath.
    function axesLayout(count, room) {
      if (room >= 560) {
        const width = Math.max(640, 130 * count, room), height = 360;
        const left = 86, right = 96, top = 44, bottom = 18;
        const x = index => left + index / (count - 1) * (width - left - right);
        const y = share => height - bottom - share * (height - top - bottom);
        return {width, height, point: (index, share) => [x(index), y(share)],
          title: index => ({x: x(index), y: 18, "text-anchor": "middle"}),
          subtitle: index => ({x: x(index), y: 32, "text-anchor": "middle"}),
          mark: (index, share) => index === count - 1
            ? {x: x(index) + 7, y: y(share) + 4, "text-anchor": "start"}
            : {x: x(index) - 7, y: y(share) + 4, "text-anchor": "end"},
          space: 13};
      }
      const width = room, step = 74, side = 34, height = step * count;
      const x = share => side + share * (width - 2 * side);
      const y = index => 34 + step * index;
      const anchor = share => share < 0.08 ? "start" : share > 0.92 ? "end" : "middle";
      return {width, height, point: (index, share) => [x(share), y(index)],
        title: index => ({x: 4, y: y(index) - 12, "text-anchor": "start"}), subtitle: () => null,
        mark: (index, share) => ({x: share < 0.08 ? 4 : share > 0.92 ? width - 4 : x(share),
          y: y(index) + 17, "text-anchor": anchor(share)}),
        isNarrow: true};
    }

    // Of an axis' marks those that do not lie on each other.
    function fittingMarks(axis, layout, index, text) {
      const taken = [], result = [];
      const ordered = [...axis.marks].sort((a, b) => axis.at(a[0]) - axis.at(b[0]));
      // The ends first: they say how far the axis goes.
      for (const mark of [ordered[0], ordered.at(-1), ...ordered.slice(1, -1)]) {
        if (!mark || result.some(other => other.mark === mark)) continue;
        const share = axis.at(mark[0]), attributes = layout.mark(index, share);
        const long = 6.6 * text(mark).length + 8;
        const start = layout.isNarrow
          ? attributes.x - {start: 0, middle: long / 2, end: long}[attributes["text-anchor"]]
          : attributes.y;
        const end = start + (layout.isNarrow ? long : layout.space);
        if (taken.some(([low, high]) => start < high && end > low)) continue;
        taken.push([start, end]);
        result.push({mark, attributes});
      }
      return result;
    }

    function parallelCoordinates(parent, names, runs, result, orders) {
      const good = runs.filter(run => isFinite(number(run[result.name])));
      // The filter's runs may differ in what those with a result do not.
      names = names.filter(name => new Set(good.map(run => run.hyperparameters[name])).size > 1);
      if (!good.length || !names.length) {
        const why = !runs.length ? "no run passes the filter"
          : !good.length ? "no run has a result yet"
          : "the runs are the same in the hyperparameters that are switched on";
        add(parent, "p", why, {class: "empty"});
        return;
      }
      const outcome = run => result.scale * number(run[result.name]);
      const axes = names.map(name =>
        axisOf(name, good.map(run => run.hyperparameters[name]), orders[name]));
      const last = axisOf(result.title, good.map(run => String(outcome(run))));
      const best = run => result.better > 0 ? last.at(outcome(run)) : 1 - last.at(outcome(run));
      last.marks = last.marks.map(([value, text]) => [value, text + result.suffix]);
      const all = [...axes, last], layout = axesLayout(all.length, parent.clientWidth);
      const box = add(parent, "div", null, {class: "scroll sweep"});
      const svg = add(box, "svg", null, {viewBox: `0 0 ${layout.width} ${layout.height}`,
        role: "img", "aria-label": "parallel coordinates"});
      svg.style.minWidth = layout.isNarrow ? "" : "640px";
      const scale = add(parent, "div", null, {class: "scale"});
      const ranked = [...good].sort((a, b) => best(a) - best(b));
      const told = run => short(outcome(run)) + result.suffix;
      add(scale, "span", `${result.title} ${told(ranked[0])}`);
      const ramp = add(scale, "svg", null, {viewBox: "0 0 40 1", preserveAspectRatio: "none",
        "aria-hidden": "true"});
      for (let x = 0; x < 40; x++)
        add(ramp, "rect", null, {x, y: 0, width: 1.1, height: 1, fill: shade(x / 39)});
      add(scale, "span", told(ranked.at(-1)));
      const tip = add(parent, "div", "Each line is a run: point at it to see which, click to open it.",
        {class: "legend"});
      // The best are drawn last, over the others.
      for (const run of ranked) {
        let path = "", pen = "M";
        all.forEach((axis, index) => {
          const value = axis === last ? outcome(run) : run.hyperparameters[axis.name];
          if (value === undefined) { pen = "M"; return; }
          path += pen + layout.point(index, axis.at(value)).map(n => n.toFixed(1)).join(" ");
          pen = "L";
        });
        const line = add(svg, "path", null, {d: path, class: "line", stroke: shade(best(run)),
          tabindex: 0, role: "link", "aria-label": run.label});
        const tell = () => {
          say(tip, `${run.label}: ${result.title} ${told(run)}, `
            + names.map(name => `${name} ${run.hyperparameters[name] ?? "–"}`).join(", "));
        };
        line.addEventListener("pointerenter", tell);
        line.addEventListener("focus", tell);
        const open = () => { location.hash = "#/run/" + run.id; };
        line.addEventListener("click", open);
        line.addEventListener("keydown", event => { if (event.key === "Enter") open(); });
      }
      all.forEach((axis, index) => {
        const [x1, y1] = layout.point(index, 0), [x2, y2] = layout.point(index, 1);
        add(svg, "line", null, {x1, x2, y1, y2, class: "axis"});
        const subtitle = layout.subtitle(index), leaf = axis.name.split(".").at(-1);
        const title = add(svg, "text", subtitle ? leaf : axis.name,
          {...layout.title(index), class: "title"});
        add(title, "title", axis.name);
        if (subtitle && axis.name.includes("."))
          add(svg, "text", axis.name.slice(0, -leaf.length - 1), subtitle);
        const text = ([, text]) => text.length > 14 ? text.slice(0, 13) + "…" : text;
        for (const {mark, attributes} of fittingMarks(axis, layout, index, text)) {
          const node = add(svg, "text", text(mark), {...attributes, class: "mark"});
          if (text(mark) !== mark[1]) add(node, "title", mark[1]);
        }
      });
    }

    function sweepView(query) {
      const filter = query.get("filter") || "";
      const question = "api/sweep?" + new URLSearchParams({filter, limit: 1000});
      const bar = add(page, "div", null, {class: "bar"});
      add(bar, "a", "← all runs", {href: address("/", filter ? new URLSearchParams({filter}) : null)});
      const message = add(page, "p", null, {class: "error", role: "alert"});
      add(page, "h1", "Parallel coordinates");
      const said = add(page, "p", null, {class: "legend"});
      const controls = add(page, "div", null, {class: "controls"});
      const box = add(page, "div");
      let result = results[0], off = null, names = [], runs = [], total = 0, orders = {}, width = 0;

      function draw() {
        const open = runs.filter(run => !isFinite(number(run[result.name]))).length;
        say(said, (filter ? `filter: ${filter} · ` : "")
          + (total > runs.length ? `the newest ${runs.length} of ${total.toLocaleString("en")} runs`
            : runs.length === 1 ? "1 run" : `${runs.length} runs`)
          + (open ? `, ${open} without a result, which ${open === 1 ? "has" : "have"} no line` : "")
          + ", " + (names.length === 1 ? "1 hyperparameter differs"
            : `${names.length} hyperparameters differ`));
        width = box.clientWidth;
        box.replaceChildren();
        parallelCoordinates(box, names.filter(name => !off.has(name)), runs, result, orders);
      }

      // How the axes lie depends on how much room there is.
      new ResizeObserver(() => {
        if (off && box.clientWidth && box.clientWidth !== width) draw();
      }).observe(box);

      function choices() {
        controls.replaceChildren();
        for (const choice of results) {
          const label = add(controls, "label");
          const input = add(label, "input", null, {type: "radio", name: "result"});
          input.checked = choice === result;
          label.append(" " + visible(choice.title));
          input.addEventListener("change", () => { result = choice; draw(); });
        }
        for (const name of names)
          checkbox(controls, name, !off.has(name), checked => {
            if (checked) off.delete(name);
            else off.add(name);
            draw();
          });
      }

      return async again => {
        const value = await ask(question, again);
        message.textContent = "";
        if (!value) return;
        runs = value.runs;
        total = value.total;
        orders = {model: value.models};
        // Hashes say that images are others, not how; six axes and the seed are what one can follow.
        if (!off) {
          const telling = value.names.filter(name => !/(^|[._])hash$/.test(name));
          const on = new Set(["seed", ...telling.filter(name => name !== "seed").slice(0, 6)]);
          off = new Set(value.names.filter(name => !on.has(name)));
        }
        if (value.names.join() !== names.join()) {
          names = value.names;
          choices();
        }
        draw();
      };
    }
    """#
}
