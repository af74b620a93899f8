const boxes = document.querySelectorAll(".filters input");
const chosen = (name) => new Set(
  [...boxes].filter((box) => box.name === name && box.checked).map((box) => box.value));
function filter() {
  const kinds = chosen("kind"), labels = chosen("label");
  let shown = 0;
  for (const article of document.querySelectorAll("#mistakes article")) {
    const mistakes = JSON.parse(article.dataset.mistakes);
    const wanted = mistakes.some(([kind, names]) =>
      kinds.has(kind) && names.some((name) => labels.has(name)));
    article.hidden = !wanted;
    shown += wanted;
  }
  document.getElementById("count").textContent = `${shown} shown`;
}
boxes.forEach((box) => box.addEventListener("change", filter));
filter();
