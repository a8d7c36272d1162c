/** Colours, for people at a terminal: text in, the same text with SGR sequences (ECMA-48) around it out. */

const SGR = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Colour = keyof typeof SGR;

export type Paint = (colour: Colour | null, text: string) => string;

export const plain: Paint = (_colour, text) => text;

export const coloured: Paint = (colour, text) => (colour === null || text === '' ? text : `\x1b[${SGR[colour]}m${text}\x1b[0m`);

/**
 * Whether a stream is to be painted: a terminal that can show it, unless somebody does not want it (no-color.org).
 * @param never an option that says so
 */
export function paintFor(stream: { readonly isTTY?: boolean }, never: boolean, env: NodeJS.ProcessEnv = process.env): Paint {
  const wanted = !never && stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return wanted ? coloured : plain;
}
