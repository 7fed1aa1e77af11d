import type { Frame } from './cpu-profile';

/** Frames narrower than this share are left out: nobody could see them. */
const LEAST_SHARE = 0.0005;

type Compact = [name: string, where: string, total: number, self: number, children: Compact[]];

/** A page of its own that needs nothing from elsewhere: click a frame to zoom, the top row to go back. */
export function flameGraph(root: Frame, title: string): string {
  const least = root.total * LEAST_SHARE;
  const compact = (frame: Frame): Compact => [
    ...([frame.name, frame.where, Math.round(frame.total), Math.round(frame.self)] as const),
    frame.children.filter(({ total }) => total >= least).map(compact),
  ];
  // In a script element nothing but `<` could end the text early.
  const data = JSON.stringify(compact(root)).replaceAll('<', '\\u003c');
  return PAGE.replaceAll('$TITLE', () => escape(title)).replace('$DATA', () => data);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>$TITLE</title>
<style>
  body { font: 12px system-ui, sans-serif; margin: 12px; }
  #graph { position: relative; }
  #graph div { position: absolute; height: 17px; box-sizing: border-box; overflow: hidden; white-space: nowrap;
    border: solid white; border-width: 0 1px 1px 0; border-radius: 2px; padding: 1px 3px; cursor: pointer; }
  #graph div.found { background: #c6f !important; }
  #info { height: 1.5em; }
</style>
<h1>$TITLE</h1>
<p>Wide is expensive; below a function is what it calls. Our own code is orange, libraries are blue, Node is green, the engine is grey.
  <input id="find" placeholder="find a function"> <span id="sum"></span></p>
<p id="info"></p>
<div id="graph"></div>
<script>
  const root = $DATA;
  const graph = document.getElementById('graph');
  const info = document.getElementById('info');
  const find = document.getElementById('find');
  const sum = document.getElementById('sum');
  const share = (time) => (100 * time / root[2]).toFixed(1) + ' %';
  const colour = (where) => {
    const hue = where === '' ? null : where.startsWith('dist/') || where.startsWith('src/') ? 32 : where.startsWith('node:') ? 110 : 210;
    return hue === null ? '#ddd' : 'hsl(' + hue + ', 75%, ' + (68 + where.length % 5 * 3) + '%)';
  };
  function show(top) {
    graph.replaceChildren();
    let deepest = 0;
    const wanted = find.value.toLowerCase();
    let found = 0;
    const draw = (frame, left, width, depth, inside) => {
      if (width < 0.05) return;
      const [name, where, total, self, children] = frame;
      const box = document.createElement('div');
      const hit = wanted !== '' && (name + ' ' + where).toLowerCase().includes(wanted);
      if (hit && !inside) found += total;
      if (hit) box.className = 'found';
      box.style.cssText = 'left:' + left + '%;width:' + width + '%;top:' + depth * 17 + 'px;background:' + colour(where);
      box.textContent = name;
      box.onclick = () => show(depth === 0 ? root : frame);
      box.onmouseenter = () => { info.textContent = name + ' ' + where + ': ' + share(total) + ', itself ' + share(self); };
      graph.append(box);
      deepest = Math.max(deepest, depth);
      let at = left;
      for (const child of children) {
        const part = width * child[2] / total;
        draw(child, at, part, depth + 1, inside || hit);
        at += part;
      }
    };
    draw(top, 0, 100, 0, false);
    graph.style.height = (deepest + 1) * 17 + 'px';
    sum.textContent = wanted === '' ? '' : share(found);
    find.oninput = () => show(top);
  }
  show(root);
</script>
`;
