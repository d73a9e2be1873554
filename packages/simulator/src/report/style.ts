/** How the page looks: in the light and in the dark, wide and on a phone. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #16202c; --quiet: #5b6876; --line: #dfe4ea; --a: #2563c9; --b: #0d8a72; --c: #c2570c; --good: #12703f; --good-bg: #e4f4ea; --bad: #b3261e; --bad-bg: #fdecea; --doubt: #7a4d05; --doubt-bg: #fdf3dc; }
@media (prefers-color-scheme: dark) { :root { --page: #0e1319; --card: #171e27; --ink: #e6ebf1; --quiet: #98a5b3; --line: #2b3541; --a: #6ea5ff; --b: #3ecbae; --c: #f59a54; --good: #6fd69b; --good-bg: #12301f; --bad: #ff9d94; --bad-bg: #3a1916; --doubt: #f0c060; --doubt-bg: #33270d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 56px; }
h1 { margin: 0; font-size: 24px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 36px 0 12px; font-size: 17px; }
h3 { margin: 0; font-size: 14px; font-weight: 600; }
p { margin: 4px 0 0; }
figure .empty { margin: auto; padding: 24px; }
.quiet, .note, .empty { color: var(--quiet); }
.note { font-size: 13px; }
.verdict { margin: 20px 0 0; padding: 12px 16px; border-radius: 8px; font-weight: 600; color: var(--good); background: var(--good-bg); }
.verdict.bad { color: var(--bad); background: var(--bad-bg); }
.verdict.doubtful { color: var(--doubt); background: var(--doubt-bg); }
.verdict p { font-weight: 400; }
.pause { fill: var(--line); opacity: 0.6; }
.verdict ul { display: flex; flex-wrap: wrap; gap: 0 20px; margin: 4px 0 0; padding: 0; list-style: none; font-weight: 400; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0; padding: 0; list-style: none; }
.tiles li, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.tiles li { padding: 12px 16px; }
.tiles b { display: block; font-size: 22px; line-height: 1.3; font-weight: 600; white-space: nowrap; }
.tiles span { color: var(--quiet); font-size: 13px; }
.tiles .bad b, td.bad { color: var(--bad); }
.tiles em, td em { font-style: normal; font-size: 13px; }
em.better { color: var(--good); } em.worse { color: var(--bad); } em.same { color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.charts .wide { grid-column: 1 / -1; }
figure { display: flex; flex-direction: column; margin: 0; padding: 14px 16px 10px; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 0; padding: 0; list-style: none; font-size: 13px; color: var(--quiet); }
.legend li::before { content: ''; display: inline-block; width: 14px; margin-right: 6px; vertical-align: middle; border-top: 3px solid currentColor; }
.legend .faded::before { border-top-style: dotted; }
.legend .a::before { color: var(--a); } .legend .b::before { color: var(--b); } .legend .c::before { color: var(--c); }
.chart { display: grid; grid-template-columns: max-content minmax(0, 1fr); margin-top: auto; padding-top: 14px; font-size: 12px; color: var(--quiet); }
.y { position: relative; width: 66px; height: 180px; }
.y span { position: absolute; right: 10px; transform: translateY(-50%); white-space: nowrap; }
.plot { position: relative; height: 180px; }
.plot svg { display: block; width: 100%; height: 100%; overflow: visible; }
.x { grid-column: 2; position: relative; height: 26px; }
.x span { position: absolute; top: 6px; transform: translateX(-50%); white-space: nowrap; }
.x span:first-child { transform: none; } .x span:last-child { transform: translateX(-100%); }
.bars-x .x span { transform: none; }
.grid line { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
polyline.a { stroke: var(--a); } polyline.b { stroke: var(--b); } polyline.c { stroke: var(--c); }
polyline.faded { stroke-dasharray: 1 5; opacity: 0.8; }
.bars.a { fill: var(--a); } .bars.b { fill: var(--b); } .bars.c { fill: var(--c); } .bars.faded { opacity: 0.4; }
.cursor { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--quiet); pointer-events: none; }
.tip { position: absolute; top: 4px; z-index: 1; padding: 6px 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--card); color: var(--ink); white-space: nowrap; pointer-events: none; box-shadow: 0 2px 8px rgb(0 0 0 / 0.12); }
.tip b { display: block; font-weight: 600; }
.card { padding: 4px 16px; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 8px 16px 8px 0; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border: 0; color: var(--quiet); font-size: 13px; font-weight: 500; }
tbody tr:first-child td { border-top-color: transparent; }
thead + tbody tr:first-child td { border-top-color: var(--line); }
th:first-child, td:first-child { text-align: left; }
td:last-child { white-space: normal; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
.words td { text-align: left; white-space: normal; vertical-align: top; }
.words td:first-child { width: 1%; white-space: nowrap; color: var(--quiet); }
.two { columns: 2; column-gap: 16px; }
section { break-inside: avoid; padding-bottom: 20px; }
section h3 { margin-bottom: 8px; }
.apart { margin: 20px 0 8px; }
@media (max-width: 720px) {
  main { padding: 20px 12px 40px; }
  h1 { font-size: 20px; }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .two { columns: 1; }
  th, td { padding-right: 10px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }
  .y { width: 58px; }
  figure { padding: 12px 12px 8px; }
  .x span:nth-child(even) { display: none; }
}
@media print { body { background: none; } figure, .tiles li, .card { break-inside: avoid; } }
`;

/** Shows what is under the pointer. The page is whole without it. */
export const SCRIPT = `
for (const plot of document.querySelectorAll('.plot')) {
  const series = JSON.parse(plot.dataset.series);
  const cursor = document.createElement('div');
  const tip = document.createElement('div');
  cursor.className = 'cursor';
  tip.className = 'tip';
  const hide = () => { cursor.remove(); tip.remove(); };
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const at = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const bars = plot.dataset.kind === 'bars';
    const nearest = (points) => bars
      ? points[Math.min(points.length - 1, Math.floor(at * points.length))]
      : points.reduce((best, point) => Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best);
    const found = series.filter(({ p }) => p.length > 0).map(({ n, p }) => [n, nearest(p)]);
    const x = bars ? (Math.floor(at * series[0].p.length) + 0.5) / series[0].p.length : found[0][1][0];
    cursor.style.left = x * 100 + '%';
    tip.replaceChildren();
    const head = document.createElement('b');
    head.textContent = found[0][1][1];
    tip.append(head, ...found.map(([name, point]) => {
      const line = document.createElement('div');
      line.textContent = (found.length > 1 ? name + ' ' : '') + point[2];
      return line;
    }));
    plot.append(cursor, tip);
    tip.style.left = x < 0.5 ? 'calc(' + x * 100 + '% + 10px)' : 'auto';
    tip.style.right = x < 0.5 ? 'auto' : 'calc(' + (1 - x) * 100 + '% + 10px)';
  };
  plot.addEventListener('pointermove', show);
  plot.addEventListener('pointerdown', show);
  plot.addEventListener('pointerleave', hide);
}
`;
