/// Where the page of `cifar-runs ui` is, what it asks for, and when.
///
/// The address behind `#` is the whole state: it can be marked and passed on.
enum UIScript {
  static let text = #"""
    const page = document.getElementById("page");
    const live = document.getElementById("live");
    // Milliseconds between two questions, while the page is seen.
    const interval = 1500;

    const place = () => {
      const [path, query] = location.hash.slice(1).split("?", 2);
      return {path: path || "/", query: new URLSearchParams(query || "")};
    };
    const address = (path, query) => "#" + path + (query && query.toString() ? "?" + query : "");

    // What was answered last to each question, so that the same is not sent and drawn again.
    const answers = new Map();

    // The answer; null where it is what it was. `again`: an answer is wanted in any case.
    async function ask(question, again) {
      const known = answers.get(question);
      let reply;
      try {
        reply = await fetch(question, {cache: "no-store",
          headers: known && !again ? {"If-None-Match": known} : {}});
      } catch (error) {
        throw new Error("cifar-runs ui does not answer; start it again");
      }
      if (reply.status === 304) return null;
      const value = await reply.json();
      if (!reply.ok) {
        const error = new Error(value.error);
        // It is the question that is wrong, not what is shown that is old.
        error.isOfQuestion = reply.status === 400 || reply.status === 404;
        throw error;
      }
      if (answers.size > 100) answers.clear();
      answers.set(question, reply.headers.get("ETag"));
      return value;
    }

    function said(error) {
      const isOld = error && !error.isOfQuestion;
      live.className = isOld ? "lost" : "live";
      live.textContent = isOld ? "not up to date" : "live";
    }

    const runLink = (parent, run) =>
      add(parent, "a", run.label, {href: "#/run/" + run.id, title: `${run.label} · ${run.id}`});

    // Long names often differ in their ends only: what has no room is left out before these.
    function clip(node, text) {
      const characters = [...text], end = 12;
      node.replaceChildren();
      if (characters.length <= 2 * end) { say(node, text); return; }
      node.classList.add("clipped");
      add(node, "span", characters.slice(0, -end).join(""));
      add(node, "span", characters.slice(-end).join(""));
    }

    // The page of one run, and the comparison of several.
    function detailsView(ids) {
      const question = "api/details?" + ids.map(id => "run=" + encodeURIComponent(id)).join("&");
      const back = add(page, "div", null, {class: "bar"});
      add(back, "a", "← all runs", {href: "#/"});
      const message = add(page, "p", null, {class: "error", role: "alert"});
      const title = add(page, "h1");
      const box = add(page, "div");
      if (!ids.length) { message.textContent = "No run is named."; return () => {}; }
      let shown = "";
      return async again => {
        const runs = await ask(question, again);
        message.textContent = "";
        if (!runs) return;
        say(title, runs.length === 1 ? runs[0].label : `${runs.length} runs`);
        document.title = title.textContent + " · runs";
        // A run that goes on lasts longer with every answer: that alone is nothing to draw.
        const state = JSON.stringify(runs, (key, value) =>
          key === "duration" || key === "duration_s" ? undefined : value);
        if (state === shown) return;
        shown = state;
        const next = document.createElement("div");
        runsPage(next, runs);
        box.replaceChildren(...next.childNodes);
      };
    }

    function viewOf({path, query}) {
      const [, name, rest] = path.split("/");
      if (name === "run" || name === "compare") {
        let ids = rest || "";
        try { ids = decodeURIComponent(ids); } catch { /* As it is: no run is called that. */ }
        return detailsView(ids.split(",").filter(id => id));
      }
      if (name === "sweep") return sweepView(query);
      if (!name) return runsView(query);
      add(add(page, "div", null, {class: "bar"}), "a", "← all runs", {href: "#/"});
      add(page, "p", `There is no page ${path}.`, {class: "error", role: "alert"});
      return () => {};
    }
    """#

  static let start = #"""
    let refresh = () => {}, shownPath = null, turn = 0;

    function failed(error) {
      said(error);
      const message = page.querySelector(".error");
      if (message) say(message, error.message);
    }

    async function look(again) {
      const mine = turn;
      try {
        await refresh(again);
        if (mine === turn) said(null);
      } catch (error) {
        if (mine === turn) failed(error);
      }
    }

    async function open() {
      const here = place();
      turn++;
      shownPath = location.hash;
      page.replaceChildren();
      document.title = "Runs";
      refresh = viewOf(here);
      await look(true);
    }

    // Where a view has written its own state into the address, nothing is to be opened.
    function remember(hash) {
      shownPath = hash === "#/" ? "" : hash;
      history.replaceState(null, "", hash);
      shownPath = location.hash;
    }

    async function about() {
      const {registry} = await ask("api/runs?limit=1", true);
      const place = document.getElementById("registry");
      say(place, registry);
      place.title = place.textContent;
    }

    async function watch() {
      if (!document.hidden) await look(false);
      setTimeout(watch, interval);
    }

    addEventListener("hashchange", () => { if (location.hash !== shownPath) open(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(false); });
    about().catch(failed);
    open().then(() => setTimeout(watch, interval));
    """#
}
