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

    // From the values of all runs: numbers where all are numbers, else the texts, each its place.
    function axisOf(name, values) {
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
      const texts = [...new Set(there)].sort();
      return {name, marks: texts.slice(0, 20).map(text => [text, text]),
        at: value => texts.length > 1 ? texts.indexOf(value) / (texts.length - 1) : 0.5};
    }

    function parallelCoordinates(parent, names, runs, result) {
      const good = runs.filter(run => isFinite(number(run[result.name])));
      if (!good.length || !names.length) {
        const why = !runs.length ? "no run passes the filter"
          : names.length ? "no run has a result yet" : "the runs have the same hyperparameters";
        add(parent, "p", why, {class: "empty"});
        return;
      }
      const outcome = run => result.scale * number(run[result.name]);
      const axes = names.map(name => axisOf(name, good.map(run => run.hyperparameters[name])));
      const last = axisOf(result.title, good.map(run => String(outcome(run))));
      const best = run => result.better > 0 ? last.at(outcome(run)) : 1 - last.at(outcome(run));
      last.marks = last.marks.map(([value, text]) => [value, text + result.suffix]);
      const all = [...axes, last], width = Math.max(640, 130 * all.length, parent.clientWidth), height = 360;
      const left = 76, right = 96, top = 44, bottom = 18;
      const box = add(parent, "div", null, {class: "scroll sweep"});
      const svg = add(box, "svg", null, {viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": "parallel coordinates"});
      const x = index => left + index / (all.length - 1) * (width - left - right);
      const y = share => height - bottom - share * (height - top - bottom);
      const tip = add(parent, "div", "Each line is a run: point at it to see which, click to open it.",
        {class: "legend"});
      // The best are drawn last, over the others.
      for (const run of [...good].sort((a, b) => best(a) - best(b))) {
        let path = "", pen = "M";
        all.forEach((axis, index) => {
          const value = axis === last ? outcome(run) : run.hyperparameters[axis.name];
          if (value === undefined) { pen = "M"; return; }
          path += pen + x(index).toFixed(1) + " " + y(axis.at(value)).toFixed(1);
          pen = "L";
        });
        const line = add(svg, "path", null, {d: path, class: "line", stroke: shade(best(run)),
          tabindex: 0, role: "link", "aria-label": run.label});
        const tell = () => {
          tip.textContent = `${run.label}: ${result.title} ${short(outcome(run))}${result.suffix}, `
            + names.map(name => `${name} ${run.hyperparameters[name] ?? "–"}`).join(", ");
        };
        line.addEventListener("pointerenter", tell);
        line.addEventListener("focus", tell);
        const open = () => { location.hash = "#/run/" + run.id; };
        line.addEventListener("click", open);
        line.addEventListener("keydown", event => { if (event.key === "Enter") open(); });
      }
      all.forEach((axis, index) => {
        add(svg, "line", null, {x1: x(index), x2: x(index), y1: top, y2: height - bottom, class: "axis"});
        const leaf = axis.name.split(".").at(-1);
        const title = add(svg, "text", leaf, {x: x(index), y: 18, "text-anchor": "middle", class: "title"});
        add(title, "title", axis.name);
        if (axis.name.includes("."))
          add(svg, "text", axis.name.slice(0, -leaf.length - 1), {x: x(index), y: 32,
            "text-anchor": "middle"});
        const isLast = axis === last;
        for (const [value, text] of axis.marks)
          add(svg, "text", text.length > 14 ? text.slice(0, 13) + "…" : text,
            {x: x(index) + (isLast ? 7 : -7), y: y(axis.at(value)) + 4,
              "text-anchor": isLast ? "start" : "end", class: "mark"});
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
      let result = results[0], off = null, names = [], runs = [];

      function draw() {
        box.replaceChildren();
        parallelCoordinates(box, names.filter(name => !off.has(name)), runs, result);
      }

      function choices() {
        controls.replaceChildren();
        for (const choice of results) {
          const label = add(controls, "label");
          const input = add(label, "input", null, {type: "radio", name: "result"});
          input.checked = choice === result;
          label.append(" " + choice.title);
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
        // Seeds are what runs of one configuration differ in; six axes are what one can follow.
        if (!off) off = new Set(value.names.filter((name, index, all) =>
          name === "seed" && all.length > 1).concat(
          value.names.filter(name => name !== "seed").slice(6)));
        if (value.names.join() !== names.join()) {
          names = value.names;
          choices();
        }
        said.textContent = (filter ? `filter: ${filter} · ` : "") + `${runs.length} runs, `
          + `${names.length} hyperparameters differ`;
        draw();
      };
    }
    """#
}
