/** The lease: one timer template for each idle time in use, shared by all apps that have it. */
import { leaseTemplate } from '../model/names.ts';
import { plain, unitText } from './quote.ts';
import { type Templates, renderTemplate } from './template.ts';

/** The unit file of the lease of `idleTimeoutS` seconds; null: one that never runs out. */
export function renderLease(idleTimeoutS: number | null, templates: Pick<Templates, 'lease'>): { readonly name: string; readonly text: string } {
  // A timer may fire late by this much to be woken together with others: a twentieth of the lease, at most a second.
  const accuracyMs = idleTimeoutS === null ? 1000 : Math.min(Math.max(idleTimeoutS * 50, 50), 1000);
  const text = renderTemplate(templates.lease, {
    length: unitText(idleTimeoutS === null ? 'without end' : `of ${idleTimeoutS} s`),
    after: plain(idleTimeoutS === null ? 'infinity' : `${idleTimeoutS}s`),
    accuracy: plain(`${accuracyMs}ms`),
  });
  return { name: leaseTemplate(idleTimeoutS), text };
}
