/** The image an app runs: what it is called in podman's storage, and the unit that brings it there. Pure. */
import { createHash } from 'node:crypto';
import type { AppSource } from '../model/app.ts';
import { imageUnit } from '../model/names.ts';
import { imageText } from '../model/said.ts';

export interface Image {
  /** 16 hex digits, from the reference alone: apps with the same reference share the image, and its unit. */
  readonly id: string;
  readonly unit: string;
  /** As the row has it. */
  readonly source: string;
  /** Its name in podman's storage: what `podman run` is given. */
  readonly name: string;
  /** What its unit reads, see units/libexec/fc-image. */
  readonly file: string;
}

/** null: the app runs a directory tree. */
export function imageOf(app: { readonly source: AppSource }): Image | null {
  if (app.source.kind === 'rootfs') return null;
  const source = imageText(app.source);
  const id = createHash('sha256').update(source).digest('hex').slice(0, 16);
  // An archive says itself what its images are called: taken at its word, it could replace another app's image.
  const name = app.source.kind === 'image' ? app.source.image : `localhost/fastcontainer-image/${id}`;
  const where = app.source.kind === 'image' ? [] : [app.source.transport, app.source.root, app.source.path, app.source.tag ?? ''];
  return { id, unit: imageUnit(id), source, name, file: [name, source, ...where].map((line) => `${line}\n`).join('') };
}
