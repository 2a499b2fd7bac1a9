// Sets formulas with MathJax and prints where each glyph and each rule stands, in em, baseline 0, y upwards.
// Reads a JSON list of {tex, display} from standard input, writes a JSON list of {error} or {width, height, depth, marks}.
// A mark is [character, variant, scale, left, bottom, right, top]; a rule has the character "—".
'use strict';

const {mathjax} = require('mathjax-full/js/mathjax.js');
const {TeX} = require('mathjax-full/js/input/tex.js');
const {SVG} = require('mathjax-full/js/output/svg.js');
const {SVGWrapper} = require('mathjax-full/js/output/svg/Wrapper.js');
const {liteAdaptor} = require('mathjax-full/js/adaptors/liteAdaptor.js');
const {RegisterHTMLHandler} = require('mathjax-full/js/handlers/html.js');
const {AllPackages} = require('mathjax-full/js/input/tex/AllPackages.js');
const {STATE} = require('mathjax-full/js/core/MathItem.js');
const {SerializedMmlVisitor} = require('mathjax-full/js/core/MmlTree/SerializedMmlVisitor.js');

const EM = 1000;
const adaptor = liteAdaptor();
RegisterHTMLHandler(adaptor);
// What Jupyter loads, less the two packages that hide errors.
const packages = AllPackages.filter(name => name !== 'noerrors' && name !== 'noundefined').concat('require');
require('mathjax-full/js/input/tex/require/RequireConfiguration.js');

// MathJax draws a letter of \mathcal with the code of a plain letter: keep the variant that says so.
const placeChar = SVGWrapper.prototype.placeChar;
SVGWrapper.prototype.placeChar = function (code, x, y, parent, variant) {
  const width = placeChar.call(this, code, x, y, parent, variant);
  const drawn = this.adaptor.lastChild(parent);
  if (drawn) this.adaptor.setAttribute(drawn, 'data-v', variant || this.variant || '');
  return width;
};

function moved([a, b, sx, sy], transform) {
  for (const [, name, inside] of (transform || '').matchAll(/(translate|scale)\(([^)]*)\)/g)) {
    const [p, q] = inside.split(/[\s,]+/).map(Number);
    if (name === 'translate') [a, b] = [a + sx * p, b + sy * (q || 0)];
    else [sx, sy] = [sx * p, sy * (q === undefined ? p : q)];
  }
  return [a, b, sx, sy];
}

function bounds(path) {
  const xs = [], ys = [];
  let x = 0, y = 0;
  for (const [, command, inside] of path.matchAll(/([A-Z])([^A-Z]*)/g)) {
    const numbers = (inside.match(/-?\d*\.?\d+/g) || []).map(Number);
    if (command === 'H') numbers.forEach(value => { xs.push(x = value); ys.push(y); });
    else if (command === 'V') numbers.forEach(value => { ys.push(y = value); xs.push(x); });
    else for (let i = 0; i + 1 < numbers.length; i += 2) { xs.push(x = numbers[i]); ys.push(y = numbers[i + 1]); }
  }
  return xs.length ? [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] : null;
}

function placed([a, b, sx, sy], [x0, y0, x1, y1]) {
  const xs = [a + sx * x0, a + sx * x1], ys = [b + sy * y0, b + sy * y1];
  return [Math.min(...xs) / EM, Math.min(...ys) / EM, Math.max(...xs) / EM, Math.max(...ys) / EM];
}

function collect(node, frame, clip, marks, over = false) {
  if (node.kind === '#text') return;
  const get = name => adaptor.getAttribute(node, name);
  let here = moved(frame, get('transform'));
  if (node.kind === 'svg' && get('viewBox') && clip !== 'top') {
    // A window onto a stretched piece: what is drawn outside it is cut.
    const [vx, vy, vw, vh] = get('viewBox').split(/\s+/).map(Number);
    here = [here[0] + here[2] * Number(get('x') || 0), here[1] + here[3] * Number(get('y') || 0), here[2], here[3]];
    const w = Number(get('width')), h = Number(get('height'));
    here = [here[0] - here[2] * vx * w / vw, here[1] - here[3] * vy * h / vh, here[2] * w / vw, here[3] * h / vh];
    clip = placed(here, [vx, vy, vx + vw, vy + vh]);
  }
  if (node.kind === 'path' && get('data-c')) {
    const box = bounds(get('d') || '');
    if (box) {
      let at = placed(here, box);
      if (Array.isArray(clip)) {
        at = [Math.max(at[0], clip[0]), Math.max(at[1], clip[1]), Math.min(at[2], clip[2]), Math.min(at[3], clip[3])];
      }
      // A minus sign stretched in one direction only is a line over, under or along something.
      const drawnOut = Math.abs(Math.abs(here[2]) - Math.abs(here[3])) > 0.01;
      const character = (drawnOut || over) && ['2212', '2013'].includes(get('data-c')) ? '—' : String.fromCodePoint(parseInt(get('data-c'), 16));
      marks.push([character, get('data-v') || '', Math.min(Math.abs(here[2]), Math.abs(here[3])), ...at]);
    }
  } else if (node.kind === 'path') {
    const box = bounds(get('d') || ''); // an arrow through what is cancelled
    if (box) marks.push(['╱', '', 1, ...placed(here, box)]);
  } else if (node.kind === 'text') {
    const text = adaptor.textContent(node), size = parseFloat(get('font-size')) || EM;
    marks.push([text, 'unknown', Math.abs(here[2]), ...placed(here, [0, -size * 0.5, size * 0.5, 0])]);
  } else if (node.kind === 'rect') {
    const [x, y, w, h] = ['x', 'y', 'width', 'height'].map(name => Number(get(name) || 0));
    const box = placed(here, [x, y, x + w, y + h]);
    if (get('data-hitbox') || !(w > 0 && h > 0)) return;
    if (get('fill') === 'none' || get('data-frame')) {
      const [l, d, r, t] = box;
      for (const side of [[l, d, r, d], [l, t, r, t], [l, d, l, t], [r, d, r, t]]) marks.push(['—', '', 1, ...side]);
    } else marks.push([Math.min(w, h) > 200 ? '╱' : '—', '', 1, ...box]);
  } else if (node.kind === 'line') {
    const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map(name => Number(get(name) || 0));
    const slanted = x1 !== x2 && y1 !== y2;
    marks.push([slanted ? '╱' : '—', '', 1, ...placed(here, [x1, y1, x2, y2])]);
  }
  const kind = get('data-mml-node'), script = /^m(over|under|underover)$/.test(kind || '');
  for (const child of node.children || []) {
    const line = script && adaptor.getAttribute(child, 'data-mml-node') === 'mo';
    collect(child, here, node.kind === 'svg' && clip === 'top' ? null : clip, marks, kind === 'mo' ? over : kind ? line : over || line);
  }
}

function set({tex, display, before}) {
  // A fresh input for each notebook's macros, which come as formulas `before` this one.
  const input = new TeX({packages, formatError: (_, error) => { throw error; }});
  const document = mathjax.document('', {InputJax: input, OutputJax: new SVG({fontCache: 'none'})});
  try {
    for (const earlier of before || []) document.convert(earlier, {display: true, end: STATE.CONVERT});
    const options = {display, em: EM / 62.5, ex: EM / 62.5 / 2, containerWidth: 1e6};
    const mml = new SerializedMmlVisitor().visitTree(document.convert(tex, {...options, end: STATE.CONVERT}));
    const svg = adaptor.firstChild(document.convert(tex, options));
    const [, top, width, total] = adaptor.getAttribute(svg, 'viewBox').split(/\s+/).map(Number);
    const marks = [];
    collect(svg, [0, 0, 1, -1], 'top', marks);
    // Two flips: the outer frame's and the group's own scale(1,-1).
    return {width: width / EM, height: -top / EM, depth: (total + top) / EM, marks, mml};
  } catch (error) {
    return {error: String(error.message || error)};
  }
}

const chunks = [];
process.stdin.on('data', chunk => chunks.push(chunk));
process.stdin.on('end', () => {
  const formulas = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  process.stdout.write(JSON.stringify(formulas.map(set)));
});
