/** Which images this host needs, and what to do about each. Pure. A part of `plan`. */
import { imageUnit, parseImageId } from '../model/names.ts';
import type { Image } from '../units/image.ts';
import type { PlanInput } from './plan.ts';

export interface ImagePlan {
  /** Whose unit does not know yet what to fetch. */
  readonly write: readonly Image[];
  /** Units that are to look whether their image is here, and fetch it. */
  readonly start: readonly string[];
  /** Ids of images that nothing here needs: their unit is stopped. The image itself stays in podman's storage. */
  readonly drop: readonly string[];
  /** Images that could not be fetched; their units try again by themselves. */
  readonly failed: readonly FailedImage[];
}

export interface FailedImage {
  readonly image: Image;
  readonly why: string;
  /** The apps that need it. Sorted. */
  readonly apps: readonly string[];
}

export function planImages(input: Pick<PlanInput, 'desired' | 'current' | 'observed'>): ImagePlan {
  const { images, states } = input.observed;
  const users = new Map<string, { readonly image: Image; readonly apps: string[] }>();
  for (const { app, image } of input.desired) {
    if (image === null) continue;
    const user = users.get(image.id) ?? { image, apps: [] };
    users.set(image.id, user);
    user.apps.push(app);
  }
  // What serves stays what it is, also where its row has been rejected since.
  const serving = [...input.current.values()].flatMap(({ image }) => (image === null ? [] : [parseImageId(image) ?? '']));
  const needed = new Set([...users.keys(), ...serving.filter((id) => images.known.has(id))]);
  const stateOf = (id: string): string => states.get(imageUnit(id)) ?? 'inactive';
  return {
    write: [...users.values()].filter(({ image }) => !images.known.has(image.id)).map(({ image }) => image),
    // One that waits for its next try is activating. One that is stopping is for the next pass.
    start: [...needed].filter((id) => stateOf(id) === 'inactive' || stateOf(id) === 'failed').map(imageUnit).sort(),
    drop: [...images.known].filter((id) => !needed.has(id)).sort(),
    failed: [...users.values()].flatMap(({ image, apps }): FailedImage[] => {
      const why = stateOf(image.id) === 'active' ? undefined : images.failures.get(image.id);
      return why === undefined ? [] : [{ image, why, apps: apps.sort() }];
    }),
  };
}
