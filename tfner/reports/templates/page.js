const boxes = document.querySelectorAll(".filters input");
const chosen = (name) => new Set(
  [...boxes].filter((box) => box.name === name && box.checked).map((box) => box.value));
function filter() {
  const kinds = chosen("kind"), labels = chosen("label");
  let shown = 0;
  for (const article of document.querySelectorAll("article")) {
    const items = JSON.parse(article.dataset.items);
    const wanted = items.some(([kind, names]) =>
      kinds.has(kind) && names.some((name) => labels.has(name)));
    article.hidden = !wanted;
    shown += wanted;
  }
  document.getElementById("count").textContent = `${shown} shown`;
}
boxes.forEach((box) => box.addEventListener("change", filter));
if (boxes.length) filter();
