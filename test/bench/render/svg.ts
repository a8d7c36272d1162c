/** SVG as text: elements, and the sheet that every plot is drawn on. Readable where it is shown, on light and on dark pages. */

export const WIDTH = 840;
const MARGIN = 20;
/** Colours of series, in their order; told apart also by who sees few colours (after Okabe and Ito), light and dark. */
const COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#56a8e0'], ['#e69f00', '#f0b840'], ['#009e73', '#35c79d'], ['#cc5a94', '#e58fbc'], ['#5b4db2', '#a79cf0'], ['#8c5a2b', '#cf9a62'], ['#6b7580', '#a3adb8'], ['#b5341f', '#f2796a'],
];

type Attributes = Readonly<Record<string, string | number>>;

/** An element; `content` is SVG already. Numbers are written to a tenth. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)}"`).join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escape(words));
}

export function escape(words: string): string {
  return words.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** About as wide as the text is drawn, in whichever font the reader has. */
export function widthOf(words: string, size = 13): number {
  return words.length * size * 0.56;
}

/** The class that fills (`fill`) or draws (`line`) in the colour of a series. */
export function classOf(kind: 'fill' | 'line', index: number): string {
  return `${kind}${index % COLOURS.length}`;
}

export interface Entry {
  readonly name: string;
  /** Draws its sign at a place: the middle of its left end. */
  readonly sign: (x: number, y: number) => string;
}

/** Title, legend, and what is drawn below them, at the height that it is given. */
export function sheet(title: string, legend: readonly Entry[], draw: (top: number) => { readonly content: string; readonly bottom: number }): string {
  const parts = [text(MARGIN, 32, title, { class: 'title' })];
  let x = MARGIN;
  let y = 58;
  for (const { name, sign } of legend) {
    const width = 22 + widthOf(name) + 18;
    if (x > MARGIN && x + width > WIDTH - MARGIN) {
      x = MARGIN;
      y += 22;
    }
    parts.push(sign(x, y - 4), text(x + 22, y, name));
    x += width;
  }
  const { content, bottom } = draw(legend.length === 0 ? 52 : y + 20);
  const height = Math.ceil(bottom + MARGIN);
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': title },
    `\n<style>${style('light')}@media (prefers-color-scheme: dark) {${style('dark')}}</style>\n`
    + `${element('rect', { class: 'sheet', width: WIDTH, height, rx: 8 })}\n${parts.join('\n')}\n${content}\n`)}\n`;
}

/** A square in the colour of a series. */
export function square(index: number): Entry['sign'] {
  return (x, y) => element('rect', { class: classOf('fill', index), x, y: y - 7, width: 14, height: 14, rx: 2 });
}

function style(theme: 'light' | 'dark'): string {
  const { sheet, ink, soft, grid } = theme === 'light'
    ? { sheet: '#ffffff', ink: '#1f2328', soft: '#59636e', grid: '#d8dee4' }
    : { sheet: '#151b23', ink: '#f0f3f6', soft: '#a0aab5', grid: '#39424d' };
  return [
    '',
    `text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: ${ink}; }`,
    'text.title { font-size: 16px; font-weight: 600; }',
    `text.soft { fill: ${soft}; font-size: 12px; }`,
    `.sheet { fill: ${sheet}; }`,
    `.grid { stroke: ${grid}; stroke-width: 1; }`,
    `.whisker { stroke: ${ink}; stroke-width: 1.5; fill: none; }`,
    ...COLOURS.map((colours, index) => {
      const colour = colours[theme === 'light' ? 0 : 1];
      return `.fill${index} { fill: ${colour}; } .line${index} { stroke: ${colour}; stroke-width: 2; fill: none; }`;
    }),
    '',
  ].join('\n');
}
