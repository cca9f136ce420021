'use strict';
// The page says all without this: the number below the pointer, and tables sorted by a column.
{
  const maps = JSON.parse(document.getElementById('maps').textContent);
  for (const figure of document.querySelectorAll('figure.map')) {
    const map = maps[figure.dataset.map];
    const cells = figure.querySelector('.cells');
    const reading = figure.querySelector('.reading');
    figure.querySelector('svg').addEventListener('pointermove', event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(cells.getScreenCTM().inverse());
      const row = Math.floor(at.y), column = Math.floor(at.x);
      const value = map.values[row]?.[column];
      reading.textContent = value === undefined ? ''
          : 'layer ' + map.layers[row] + ', expert ' + column + ': ' + (value ?? 'none');
    });
  }
  for (const head of document.querySelectorAll('th')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.title = 'sort';
    button.append(...head.childNodes);
    head.append(button);
    let ascending = false;
    button.addEventListener('click', () => {
      const body = head.closest('table').tBodies[0];
      const column = head.cellIndex;
      ascending = !ascending;
      const key = row => row.cells[column].textContent;
      const numbers = head.className === 'n';
      const sign = ascending ? 1 : -1;
      const compare = numbers
          ? (a, b) => (parseFloat(key(a)) || 0) - (parseFloat(key(b)) || 0)
          : (a, b) => key(a).localeCompare(key(b), 'en', {numeric: true});
      body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
    });
  }
}
