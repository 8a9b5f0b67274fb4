/// The sections of a page about runs, beside the curves of `PageCharts`.
enum PageSections {
  static let text = #"""
    // A cell for text of any length, of one line where that is not long.
    const wide = row => add(add(row, "td"), "div", null, {class: "words"});

    function overview(parent, runs) {
      const node = table(parent, ["Run", "Status", "Recipe", "Data", "Started", "Time", "Epochs",
        "Best accuracy", "Best loss", "Best checkpoint chosen on", "Final weights chosen on", "Group",
        "Tags"], "facts");
      const swatches = runs.map(run => {
        const row = add(node, "tr");
        const name = wide(row);
        const swatch = add(name, "span", null, {class: "swatch"});
        name.append(visible(run.label)
          + (run.label === run.id.slice(0, 8) ? "" : " · " + run.id.slice(0, 8)));
        const cell = (text, words) => add(words ? wide(row) : row, words ? "span" : "td", text);
        cell(run.status);
        cell(run.recipe, true);
        cell(run.dataset, true);
        for (const text of [moment(run.started), run.duration,
          run.epochs.length + " of " + Math.ceil(run.epochs_planned),
          percent(number(run.best_val_accuracy)), short(number(run.best_val_loss)),
          run.best_chosen_on || "–", run.final_chosen_on || "–"]) cell(text);
        cell(run.group || "", true);
        cell(run.tags.join(", "), true);
        return swatch;
      });
      return lines => runs.forEach((run, index) => {
        const line = lines.find(line => line.runs.includes(run));
        swatches[index].style.background = color(line.index);
      });
    }

    // What the completed runs of each group came to together.
    function groupTable(parent, runs) {
      const groups = groupsOf(runs);
      if (!groups.size) return;
      add(parent, "h2", "Groups");
      const node = table(parent, ["Group", "Runs", "", "Mean", "Deviation", "Smallest", "Largest"],
        "facts");
      const own = [...new Set(runs.flatMap(run => run.metrics.map(row => row.name)))].sort();
      const measures = [["best_val_accuracy", percent], ["best_val_loss", short],
        ["last_val_accuracy", percent], ["last_val_loss", short]].map(([name, text]) =>
        ({name: name.replace("_", " "), text, value: run => number(run[name])}));
      for (const name of own) measures.push({name, text: short, value: run =>
        number((run.metrics.filter(row => row.name === name).at(-1) || {}).value)});
      for (const [name, members] of groups) {
        for (const measure of measures) {
          const values = members.filter(run => run.status === "completed").map(measure.value)
            .filter(isFinite);
          if (!values.length) continue;
          const {n, mean, deviation, minimum, maximum} = sample(values), row = add(node, "tr");
          // A run may have failed, may not have the measure, and may not be on this page.
          const total = Math.max(members[0].group_runs, members.length);
          for (const text of [name, n < total ? `${n} of ${total}` : n, measure.name, measure.text(mean),
            n > 1 ? measure.text(deviation) : "–", measure.text(minimum), measure.text(maximum)])
            if (text === name) add(wide(row), "span", text);
            else add(row, "td", text);
        }
      }
    }

    function hyperparameters(parent, runs) {
      add(parent, "h2", "Hyperparameters");
      const sets = runs.map(run => new Map(run.hyperparameters));
      const names = [...new Set(sets.flatMap(set => [...set.keys()]))];
      const differs = name => new Set(sets.map(set => set.get(name))).size > 1;
      const rows = [];
      if (runs.length > 1)
        checkbox(add(parent, "div", null, {class: "controls"}), "only those that differ", false,
          checked => { for (const {row, name} of rows) row.hidden = checked && !differs(name); });
      const node = table(parent, ["", ...runs.map(run => run.label)]);
      for (const name of names) {
        const row = add(node, "tr", null, differs(name) ? {class: "differs"} : {});
        add(row, "th", name);
        for (const set of sets) add(row, "td", set.has(name) ? set.get(name) : "–");
        rows.push({row, name});
      }
    }

    function classes(parent, run) {
      const {class_names: names, confusion, epoch, image_shape: shape} = run.evaluation;
      add(parent, "h2", `Confusion matrix of ${run.label}, epoch ${epoch}`
        + (run.validated_on ? `, on the ${run.validated_on}` : ""));
      add(parent, "label", "Rows: the actual class. Columns: what the model took it for.");
      const node = table(parent, ["", ...names, "recall"], "confusion");
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
      images(parent, `What ${run.label} gets most wrong`, run.misclassified, names, shape);
      images(parent, `Samples, as ${run.label} sees them`, run.samples, names, shape);
    }

    function images(parent, title, predictions, names, [channels, height, width]) {
      if (!predictions.length) return;
      add(parent, "h2", title);
      const box = add(parent, "div", null, {class: "images"});
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

    function sessions(parent, runs) {
      add(parent, "h2", "Sessions and notes");
      const node = table(parent,
        ["Run", "Started", "Ended as", "Machine", "Version", "Command", "Commit", "Uncommitted"]);
      for (const run of runs) {
        for (const session of run.sessions) {
          const row = add(node, "tr");
          for (const text of [run.label, moment(session.started),
            session.status + (session.reason ? ": " + session.reason : ""),
            `${session.host}, ${session.threads} threads, ${session.instruction_set}`,
            session.library_version, session.command_line,
            (session.git_commit || "").slice(0, 12), session.uncommitted || ""]) add(row, "td", text);
        }
        for (const note of run.notes) {
          const row = add(node, "tr");
          add(row, "td", run.label);
          add(row, "td", moment(note.created));
          add(add(row, "td", null, {colspan: 6}), "pre", note.text);
        }
      }
    }

    // Everything about runs: a report, the page of a run, a comparison.
    function runsPage(parent, runs) {
      const recolor = overview(parent, runs);
      groupTable(parent, runs);
      add(parent, "h2", "Learning curves");
      learningCurves(parent, runs, recolor);
      for (const run of runs) if (run.evaluation) classes(parent, run);
      hyperparameters(parent, runs);
      sessions(parent, runs);
    }
    """#
}
