/// The learning curves of runs, and of groups of runs as mean and band.
enum PageCharts {
  static let text = #"""
    // Of each group that several of the runs are in, these runs.
    function groupsOf(runs) {
      const groups = new Map();
      for (const run of runs)
        if (run.group) groups.set(run.group, [...groups.get(run.group) || [], run]);
      for (const [name, members] of groups) if (members.length < 2) groups.delete(name);
      return groups;
    }

    // What a chart has a line for: a run, or a group. `index` is the colour's.
    function linesOf(runs, grouped) {
      const groups = groupsOf(runs), seen = new Set(), result = [];
      for (const run of runs) {
        if (seen.has(run)) continue;
        const group = grouped && groups.get(run.group);
        const line = group ? {label: run.group, runs: group} : {label: run.label, runs: [run]};
        line.index = run.slot === undefined ? result.length : run.slot;
        result.push(line);
        for (const member of line.runs) seen.add(member);
      }
      return result;
    }

    // A line's name, with how many runs of the group it is the mean of.
    const nameOf = line => line.runs.length < 2 ? line.label
      : `${line.label} (${line.runs.length}${line.runs[0].group_runs > line.runs.length
        ? " of " + line.runs[0].group_runs : ""} runs)`;

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
    function series(name, {scale}, lines) {
      const result = [];
      for (const line of lines) {
        let rows = line.runs.flatMap(run => rowsOf(run, name, scale));
        if (line.runs.length > 1) {
          const values = new Map();
          for (const [epoch, value] of rows)
            if (isFinite(value)) values.set(epoch, [...values.get(epoch) || [], value]);
          // The mean of the few that went on longest is not the group's.
          rows = [...values].filter(([, all]) => all.length > 1 && 2 * all.length >= line.runs.length)
            .sort((a, b) => a[0] - b[0]).map(([epoch, all]) => {
              const found = sample(all);
              return [epoch, found.mean, found];
            });
        }
        if (rows.some(row => !isNaN(row[1])))
          result.push({name, label: line.label, index: line.index, rows});
      }
      return result;
    }

    // How curves are drawn; one for a page, so that it stays when the curves are drawn again.
    const view = {grouped: true, smoothing: 0, log: false, all: false};

    // `brief`: without what is not about how well a run does, unless it is asked for.
    function learningCurves(parent, runs, recolor, brief = false) {
      const controls = add(parent, "div", null, {class: "controls"});
      const box = add(parent, "div", null, {class: "charts"});
      const draw = () => {
        const lines = linesOf(runs, view.grouped);
        recolor(lines);
        box.replaceChildren();
        const options = {...view, several: runs.length > 1};
        for (const {title, metrics, format} of charts) {
          if (brief && !view.all && !["loss", "accuracy"].includes(title)) continue;
          const curves = metrics.flatMap(name => series(name, units[format], lines));
          if (curves.length) chart(box, title, curves, units[format], options);
        }
        const own = new Set(runs.flatMap(run => run.metrics.map(row => row.name)));
        for (const name of [...own].sort())
          chart(box, name, series(name, units.number, lines), units.number, options);
      };
      add(controls, "span", "Solid: validation. Dashed: training.");
      if (groupsOf(runs).size)
        checkbox(controls, "groups as mean and band (± one standard deviation), where at least half "
          + "of the runs have a value", view.grouped,
          checked => { view.grouped = checked; draw(); });
      checkbox(controls, "logarithmic axis", view.log, checked => { view.log = checked; draw(); });
      if (brief)
        checkbox(controls, "learning rate, speed and memory too", view.all,
          checked => { view.all = checked; draw(); });
      const label = add(controls, "label", "smoothing ");
      const slider = add(label, "input", null,
        {type: "range", min: 0, max: 0.98, step: 0.02, value: view.smoothing});
      const shown = add(label, "output", slider.value);
      slider.addEventListener("input", () => {
        view.smoothing = Number(slider.value);
        shown.textContent = slider.value;
        draw();
      });
      draw();
    }
    """#
}
