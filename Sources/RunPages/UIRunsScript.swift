/// The table of runs, and the curves of those that are switched on.
enum UIRunsScript {
  static let text = #"""
    // name: of the column; sort: the field that orders by it.
    const columns = [
      {name: "run", title: "Run", sort: "name", fill: (cell, run) => {
        const link = runLink(cell, run);
        link.setAttribute("aria-label", link.textContent);
        clip(link, run.label);
      }},
      {name: "status", title: "Status", sort: "status", fill: (cell, run) =>
        add(cell, "span", run.status, {class: "status " + run.status})},
      {name: "started", title: "Started", sort: "started", text: run => moment(run.started)},
      {name: "time", title: "Time", sort: "duration", number: true, text: run => run.duration},
      {name: "epochs", title: "Epochs", sort: "epochs", number: true,
        text: run => run.epochs + "/" + Math.ceil(run.epochs_planned)},
      {name: "last", title: "Last accuracy", sort: "last_val_accuracy", number: true,
        text: run => percent(number(run.last_val_accuracy))},
      {name: "best", title: "Best accuracy", sort: "best_val_accuracy", number: true,
        text: run => percent(number(run.best_val_accuracy))},
      {name: "loss", title: "Best loss", sort: "best_val_loss", number: true,
        text: run => run.best_val_loss === null ? "–" : Number(run.best_val_loss).toFixed(4)},
      {name: "group", title: "Group", sort: "group", fill: (cell, run) => {
        cell.title = visible(run.group || "");
        clip(add(cell, "span"), run.group || "");
      }},
      {name: "tags", title: "Tags", text: run => run.tags.join(", ")},
      {name: "recipe", title: "Recipe", sort: "recipe", text: run => run.recipe},
      {name: "data", title: "Data", sort: "dataset", text: run => run.dataset},
    ];
    const usual = columns.map(column => column.name).filter(name => name !== "data");
    const mostOn = 50, pageSize = 200, mostPolled = 1000;

    // A column that is a field, a hyperparameter or a metric; `index` of its value.
    const ownColumn = (name, index) => ({name, title: name, sort: name, number: true, text: run => {
      const value = run.values[index];
      return value === null || value === undefined ? "–"
        : typeof value === "number" ? short(value) : value;
    }});

    const classOf = column => (column.number ? "number " : "") + "of-" + column.name;

    function runsView(query) {
      let filter = query.get("filter") || "", sort = query.get("sort") || "";
      let descending = query.has("desc");
      let names = query.has("columns") ? query.get("columns").split(",").filter(n => n) : usual;
      // Switched on, in their order; null: the newest, as nobody has chosen.
      let on = query.has("on") ? query.get("on").split(",").filter(id => id) : null;
      let runs = [], total = 0, curves = [], drawn = "";

      const form = add(page, "form", null, {class: "filter", role: "search"});
      const input = add(form, "input", null, {type: "text", name: "filter", "aria-label": "filter",
        placeholder: "filter: val_accuracy > 0.8 and recipe = keras and started > '2 days ago'",
        autocomplete: "off", spellcheck: "false"});
      input.value = filter;
      add(form, "button", "Filter", {type: "submit"});
      const message = add(page, "p", null, {class: "error", role: "alert"});
      const charts = add(page, "section", null, {"aria-label": "Curves"});
      const bar = add(page, "div", null, {class: "bar"});
      const count = add(bar, "span", null, {class: "count"});
      const none = add(bar, "button", "All off", {type: "button"});
      const compare = add(bar, "button", "Compare", {type: "button"});
      const sweep = add(bar, "button", "Parallel coordinates", {type: "button"});
      const menu = add(bar, "details", null, {class: "menu"});
      const scroll = add(page, "div", null, {class: "scroll"});
      const more = add(page, "div", null, {class: "empty", hidden: ""});
      const node = add(scroll, "table", null, {class: "runs"});

      const known = name => columns.find(column => column.name === name);
      const fields = () => names.filter(name => !known(name));
      const shownColumns = () => names.map(name => known(name) || ownColumn(name, fields().indexOf(name)));

      const state = () => {
        const state = new URLSearchParams();
        if (filter) state.set("filter", filter);
        if (sort) state.set("sort", sort);
        if (descending) state.set("desc", "1");
        if (names.join() !== usual.join()) state.set("columns", names.join());
        if (on) state.set("on", on.join());
        return state;
      };
      const keep = () => remember(address("/", state()));
      const question = (offset, limit) => {
        const parts = new URLSearchParams({filter, sort, limit, offset});
        if (descending) parts.set("desc", "1");
        for (const field of fields()) parts.append("field", field);
        return "api/runs?" + parts;
      };

      // Each run that is on keeps its colour until it is switched off.
      const slots = new Map();
      // The colours of the lines that runs are drawn with: those of a group share one.
      const lineColors = new Map(), boxes = new Map();
      const paint = (id, box) => box.style.setProperty("--on",
        color(lineColors.has(id) ? lineColors.get(id) : slotOf(id)));
      const slotOf = id => {
        if (!slots.has(id)) {
          const taken = new Set(slots.values());
          let slot = 0;
          while (taken.has(slot)) slot++;
          slots.set(id, slot);
        }
        return slots.get(id);
      };
      const chosen = () => on || runs.slice(0, 5).filter(run => run.epochs > 0).map(run => run.id);

      function head() {
        const row = add(add(node, "thead"), "tr");
        add(row, "th", null, {class: "on"});
        for (const column of shownColumns()) {
          const cell = add(row, "th", null, {class: classOf(column)});
          if (!column.sort) { say(cell, column.title); continue; }
          const isSorted = sort === column.sort;
          if (isSorted) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
          const button = add(cell, "button", column.title
            + (isSorted ? descending ? " ↓" : " ↑" : ""), {type: "button"});
          button.addEventListener("click", () => {
            // Largest first, then smallest first, then as it was.
            if (!isSorted) { sort = column.sort; descending = true; }
            else if (descending) descending = false;
            else sort = "";
            if (!sort) descending = false;
            restart();
          });
        }
      }

      function draw() {
        node.replaceChildren();
        head();
        boxes.clear();
        const body = add(node, "tbody"), now = new Set(chosen());
        for (const run of runs) {
          const row = add(body, "tr");
          const cell = add(row, "td", null, {class: "on"});
          const box = add(cell, "input", null, {type: "checkbox", "aria-label": "curves of " + run.label});
          box.checked = now.has(run.id);
          boxes.set(run.id, box);
          if (box.checked) paint(run.id, box);
          box.addEventListener("change", () => turnOn(run.id, box.checked));
          for (const column of shownColumns()) {
            const cell = add(row, "td", null, {class: classOf(column)});
            if (column.fill) column.fill(cell, run);
            else {
              say(cell, column.text(run));
              cell.title = cell.textContent;
            }
          }
        }
        count.textContent = total === 1 ? "1 run" : `${total.toLocaleString("en")} runs`;
        compare.disabled = now.size < 1 || now.size > 20;
        compare.textContent = now.size > 1 ? `Compare ${now.size}` : "Compare";
        none.disabled = !now.size;
        sweep.disabled = total < 2;
        more.hidden = runs.length > 0 && runs.length >= total;
        more.textContent = runs.length ? "more …"
          : filter ? "No run fits." : "No runs yet. cifar train makes one.";
      }

      async function drawCurves() {
        const ids = chosen();
        for (const id of [...slots.keys()]) if (!ids.includes(id)) slots.delete(id);
        if (!ids.length) { charts.replaceChildren(); curves = []; drawn = ""; return; }
        const value = await ask("api/curves?" + ids.map(id => "run=" + id).join("&"),
          drawn !== ids.join());
        if (ids.join() !== chosen().join() || !value) return;
        drawn = ids.join();
        curves = value.map(run => ({...run, slot: slotOf(run.id)}));
        const next = document.createElement("section");
        const legend = add(next, "div", null, {class: "legend"});
        learningCurves(next, curves, lines => {
          legend.replaceChildren();
          lineColors.clear();
          for (const line of lines) {
            for (const run of line.runs) lineColors.set(run.id, line.index);
            const item = add(legend, "span");
            add(item, "span", null, {class: "swatch", style: "background:" + color(line.index)});
            if (line.runs.length > 1) item.append(visible(nameOf(line)));
            else runLink(item, line.runs[0]);
          }
          for (const [id, box] of boxes) if (box.checked) paint(id, box);
        }, true);
        charts.replaceChildren(...next.childNodes);
      }

      function turnOn(id, isOn) {
        on = chosen().filter(other => other !== id);
        if (isOn) on.push(id);
        if (on.length > mostOn) on.shift();
        keep();
        drawCurves().then(draw, failed);
      }

      let loading = false;
      async function load(again) {
        const size = Math.min(Math.max(runs.length, pageSize), mostPolled), asked = question(0, 1);
        let value;
        try {
          value = await ask(question(0, size), again);
        } catch (error) {
          // What a filter that cannot be read finds is not what another one found before.
          if (error.isOfQuestion && asked === question(0, 1)) {
            runs = [];
            total = 0;
            draw();
            more.textContent = "";
            await drawCurves();
          }
          throw error;
        }
        // Meanwhile another filter or order may have been chosen.
        if (asked !== question(0, 1)) return;
        message.textContent = "";
        if (value) {
          if (value.damaged.length) say(message, "left out: " + value.damaged.join("; "));
          runs = [...value.runs, ...runs.slice(size)].slice(0, value.total);
          total = value.total;
          draw();
        }
        // What is seen may not have changed while the curves of others have.
        await drawCurves();
        if (value) draw();
      }

      async function loadMore() {
        if (loading || !runs.length || runs.length >= total) return;
        loading = true;
        try {
          const asked = question(0, 1), value = await ask(question(runs.length, pageSize), true);
          loading = false;
          if (asked !== question(0, 1)) return;
          const seen = new Set(runs.map(run => run.id));
          runs = [...runs, ...value.runs.filter(run => !seen.has(run.id))];
          total = value.runs.length ? value.total : runs.length;
          draw();
        } catch (error) {
          failed(error);
        }
        loading = false;
      }
      new IntersectionObserver(entries => {
        if (entries.some(entry => entry.isIntersecting)) loadMore();
      }, {rootMargin: "600px"}).observe(more);

      function restart() {
        runs = runs.slice(0, pageSize);
        keep();
        look(true);
      }

      function columnMenu() {
        menu.replaceChildren();
        add(menu, "summary", "Columns");
        const box = add(menu, "div");
        for (const name of [...columns.map(column => column.name), ...fields()])
          checkbox(box, (known(name) || {title: name}).title, names.includes(name), checked => {
            names = checked ? [...names, name] : names.filter(other => other !== name);
            if (!known(name)) columnMenu();
            restart();
          });
        const form = add(box, "form");
        const field = add(form, "input", null, {type: "text", "aria-label": "another column",
          placeholder: "optimizer.beta1, metrics.f1", spellcheck: "false"});
        add(form, "button", "Add", {type: "submit"});
        form.addEventListener("submit", event => {
          event.preventDefault();
          for (const name of field.value.split(",").map(name => name.trim()))
            if (name && !names.includes(name)) names = [...names, name];
          columnMenu();
          restart();
        });
      }
      columnMenu();

      form.addEventListener("submit", event => {
        event.preventDefault();
        filter = input.value.trim();
        on = null;
        restart();
      });
      none.addEventListener("click", () => { on = []; keep(); drawCurves().then(draw, failed); });
      compare.addEventListener("click", () => { location.hash = "#/compare/" + chosen().join(); });
      sweep.addEventListener("click", () => {
        location.hash = address("/sweep", filter ? new URLSearchParams({filter}) : null);
      });
      return load;
    }
    """#
}
