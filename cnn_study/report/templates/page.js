(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const table = document.querySelector("#verdicts table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const matches = row => {
    const aspect = form.aspect.value, verdict = form.verdict.value, words = form.words.value.trim().toLowerCase();
    const found = aspect ? [row.dataset[aspect]] : [row.dataset.direction, row.dataset.magnitude, row.dataset.mechanism];
    const fits = verdict ? found.includes(verdict) : !aspect || found[0] !== "not tested";
    return fits && (!form.topic.value || row.dataset.topic === form.topic.value)
      && (!words || row.textContent.toLowerCase().includes(words));
  };
  const filter = () => {
    rows.forEach(row => { row.hidden = !matches(row); });
    shown.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} claims shown`;
  };
  const order = ["supported", "mixed", "contradicted", "inconclusive", "not tested"];
  const sort = () => {
    const by = form.sort.value;
    const place = row => order.indexOf(row.dataset[by]);
    const sorted = [...rows];
    if (by === "claim") sorted.sort((a, b) => a.cells[1].textContent.localeCompare(b.cells[1].textContent));
    else if (by !== "topic") sorted.sort((a, b) => place(a) - place(b));
    body.append(...sorted);
  };
  form.hidden = false;
  form.addEventListener("input", () => { filter(); sort(); });
  form.addEventListener("reset", () => setTimeout(() => { filter(); sort(); }));
  form.addEventListener("submit", event => event.preventDefault());
  filter();

  const copied = (button, text) => {
    const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 2000); };
    const byHand = () => {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      if (document.execCommand("copy")) done();
      area.remove();
      button.focus();
    };
    if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(text).then(done, byHand);
    else byHand();
  };
  document.querySelectorAll("[data-copy]").forEach(one => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${one.dataset.copy}`);
    button.addEventListener("click", () => copied(button, one.textContent));
    one.after(" ", button);
  });

  const unfold = () => {
    let one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const target = one;
    for (; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (target) target.scrollIntoView();
  };
  window.addEventListener("hashchange", unfold);
  if (location.hash) unfold();
})();
