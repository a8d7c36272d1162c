/** Facts → sentences. Pure. */
import { whyAwake } from './awake.ts';
import { elsewhere } from './elsewhere.ts';
import type { Facts } from './facts.ts';
import { headline } from './headline.ts';
import { whyNotFound } from './name.ts';
import { whyNotApplied } from './rows.ts';
import type { Answer, Section } from './say.ts';
import { whyNotStarted } from './start.ts';
import { notSeen } from './unseen.ts';
import { whyWoken } from './woke.ts';

/** What there is to say, in the order in which somebody wants to know it. */
export function answer(facts: Facts): Answer {
  const sections = [whyNotFound(facts), whyNotStarted(facts), whyAwake(facts), whyWoken(facts), whyNotApplied(facts), elsewhere(facts), notSeen(facts)]
    .filter((section): section is Section => section !== null && section.sentences.length > 0);
  return { headline: headline(facts), sections };
}

/** Exit status. */
export const EXIT = { fine: 0, wrong: 1, usage: 2, unknown: 3 } as const;

export function exitOf({ sections }: Answer, { status, snapshot }: Facts): number {
  if (sections.some(({ wrong }) => wrong)) return EXIT.wrong;
  return 'missing' in status || 'missing' in snapshot ? EXIT.unknown : EXIT.fine;
}
