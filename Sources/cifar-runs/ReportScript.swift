/// What a report does in the browser, beside the curves of `ReportCharts`.
enum ReportScript {
  static let text = #"""
    function overview() {
      const node = table(page, ["Run", "Status", "Recipe", "Data", "Started", "Time", "Epochs",
        "Best accuracy", "Best loss", "Epoch chosen on", "Group", "Tags"],
        "facts");
      const swatches = runs.map(run => {
        const row = add(node, "tr");
        const name = add(row, "td");
        const swatch = add(name, "span", null, {class: "swatch"});
        name.append(run.label + (run.label === run.id.slice(0, 8) ? "" : " · " + run.id.slice(0, 8)));
        for (const text of [run.status, run.recipe, run.dataset,
          new Date(run.started).toLocaleString(), run.duration,
          run.epochs.length + " of " + run.epochs_planned,
          percent(number(run.best_val_accuracy)), short(number(run.best_val_loss)),
          run.chosen_on || "–", run.group || "", run.tags.join(", ")]) add(row, "td", text);
        return swatch;
      });
      return lines => runs.forEach((run, index) => {
        const line = lines.findIndex(line => line.runs.includes(run));
        swatches[index].style.background = color(line);
      });
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
    const recolor = overview();
    groupTable();
    learningCurves(recolor);
    for (const run of runs) if (run.evaluation) classes(run);
    hyperparameters();
    sessions();
    """#
}
