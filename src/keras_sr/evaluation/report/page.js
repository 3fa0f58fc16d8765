// Tables sort by a click on a heading, or by Enter on it; without this script they are plain tables.
for (const table of document.querySelectorAll("table.sortable")) {
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const cell = button.closest("th");
      const column = [...cell.parentNode.children].indexOf(cell);
      const body = table.tBodies[0];
      const rows = [...body.rows];
      const value = (row) => row.cells[column].dataset.value ?? "";
      const numeric = rows.every((row) => value(row) === "" || !isNaN(value(row)));
      const falling = cell.getAttribute("aria-sort") !== "descending";
      for (const other of cell.parentNode.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
      rows.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        // What has no value stays at the end, whichever way.
        if (x === "" || y === "") return (x === "") - (y === "");
        const order = numeric ? x - y : x.localeCompare(y);
        return falling ? -order : order;
      });
      body.append(...rows);
    });
  }
}

// A table that is wider than the page says so.
const wide = () => {
  for (const box of document.querySelectorAll(".scroll")) {
    box.previousElementSibling.querySelector(".sideways").hidden = box.scrollWidth <= box.clientWidth;
  }
};
addEventListener("resize", wide);
wide();
