/** Why the app did not start, or is not up yet. Pure. */
import type { HostEvent } from '../admin/state.ts';
import { explainStart } from '../systemd/explain.ts';
import type { Facts, GenerationFacts } from './facts.ts';
import { valueOf } from './facts.ts';
import { clientText, requestText } from './requests.ts';
import { say, type Section, type Sentence } from './say.ts';
import { hostName, isElsewhere, routeOf, servingOf, systemdOf } from './standing.ts';
import { ago, ahead, clock, counted, lasting } from './words.ts';

type FailedStart = Extract<HostEvent, { kind: 'start-failed' }>;

export function whyNotStarted(facts: Facts): Section | null {
  if (facts.app === null || isElsewhere(facts) === true) return null;
  const serving = servingOf(facts);
  if (serving?.container.activeState === 'activating') return { title: 'Why is it not up yet?', wrong: false, sentences: starting(facts, serving) };
  const failed = lastFailure(facts);
  const down = serving === null ? facts.state?.state === 'quarantined' : serving.container.activeState === 'failed' || (serving.container.activeState === 'inactive' && (failed !== null || serving.failedAt !== null));
  if (down) return { title: 'Why did it not start?', wrong: true, sentences: notStarted(facts, serving, failed) };
  // It may be asleep and unable to wake: nobody knows before the next request, but for these.
  const image = imageMissing(facts);
  if (image === null) return null;
  const fetching = facts.imageFailure === null && systemdOf(facts)?.image?.activeState === 'activating';
  return { title: fetching ? 'Why would it not start at once?' : 'Why would it not start?', wrong: !fetching, sentences: [image] };
}

/** The last time that it did not start, unless it has started since. */
function lastFailure({ app, status }: Facts): FailedStart | null {
  const last = (valueOf(status)?.events ?? []).findLast((event) => event.app === app && (event.kind === 'start-failed' || event.kind === 'woke'));
  return last?.kind === 'start-failed' ? last : null;
}

function notStarted(facts: Facts, serving: GenerationFacts | null, failed: FailedStart | null): readonly Sentence[] {
  const { at, state } = facts;
  const retryAt = state?.retryAt ?? failed?.retryAt ?? null;
  const sentences: Sentence[] = [];
  const evidence = serving?.container.evidence ?? null;
  const seen = evidence === null || serving === null ? null : explainStart(serving.container.activeState === 'failed' ? 'failed' : 'dependency', evidence, null, routeOf(facts)?.here?.startTimeoutS ?? 0);
  const why = failed?.why ?? state?.why ?? (seen !== null && !seen.includes('the start ended as') ? seen : null);
  sentences.push(say(why ?? 'The app did not start.',
    failed !== null && `${ago(failed.at, at)}: ${failed.evidence}`,
    failed === null && serving !== null && serving.failedAt !== null && ago(serving.failedAt, at),
    serving !== null && evidence !== null && `${serving.container.unit}: ${serving.container.activeState}, result ${evidence.result}${exitText(evidence.exit)}`,
    evidence !== null && evidence.statusText !== '' && `it was said of it: ${evidence.statusText}`,
    ...(evidence?.unmounted ?? []).map((place) => `not mounted: ${place}`)));
  if (failed !== null && failed.request !== null) sentences.push(say('This request asked for it.', requestText(failed.request), `from ${clientText(failed.request)}`));
  const image = imageMissing(facts);
  if (image !== null) sentences.push(image);
  const log = serving === null ? [] : serving.log.slice(-12);
  if (serving !== null && log.length > 0) sentences.push(say('The last that it said:', ...log.map((line) => `${clock(line.at, at)} ${line.by === 'systemd' ? 'systemd: ' : ''}${line.text}`)));
  else if (serving !== null && facts.root) sentences.push(say('It said nothing.', `journalctl -u ${serving.container.unit}`));
  sentences.push(nextTry(failed, retryAt, at));
  return sentences;
}

function nextTry(failed: FailedStart | null, retryAt: number | null, now: number): Sentence {
  const times = failed === null ? '' : failed.failures === 1 ? ' It has failed once.' : ` It has failed ${failed.failures} times in a row.`;
  return retryAt !== null && retryAt > now
    ? say(`Requests are turned away, with 503, until it is tried again ${ahead(retryAt, now)}.${times}`)
    : say(`The next request starts it again.${times}`);
}

function exitText(exit: { readonly kind: string; readonly status: number } | null): string {
  if (exit === null) return '';
  return exit.kind === 'exited' ? `, exit status ${exit.status}` : `, ${exit.kind} by signal ${exit.status}`;
}

function starting(facts: Facts, { container, log }: GenerationFacts): readonly Sentence[] {
  const { at } = facts;
  const limitS = routeOf(facts)?.here?.startTimeoutS;
  const verdict = container.evidence?.statusText ?? '';
  const image = imageMissing(facts);
  return [
    say(`It has been starting${container.since === null ? '' : ` ${lasting(container.since, at)}`}${limitS === undefined ? '' : `, and may take ${counted(limitS, 'second')} (apps.start_timeout_s)`}.`,
      `${container.unit}: ${container.activeState} (${container.subState})`, verdict !== '' && `so far: ${verdict}`),
    ...(image === null ? [] : [image]),
    ...(log.length === 0 ? [] : [say('The last that it said:', ...log.slice(-6).map((line) => `${clock(line.at, at)} ${line.text}`))]),
  ];
}

/** The image is being fetched, or cannot be. */
function imageMissing(facts: Facts): Sentence | null {
  const image = systemdOf(facts)?.image ?? null;
  if (image === null || image.activeState === 'active') return null;
  const tried = image.restarts > 0 ? `, ${counted(image.restarts + 1, 'try')}`.replace('trys', 'tries') : '';
  const said = image.evidence?.statusText ?? '';
  const lines = [`${image.unit}: ${image.activeState} (${image.subState})${tried}`, said !== '' && (facts.imageFailure === null || !said.includes(facts.imageFailure)) && said];
  if (facts.imageFailure !== null) {
    return say(`Its image is not on ${hostName(facts)}, and could not be fetched, which is tried again every 15 seconds: ${facts.imageFailure}.`, ...lines);
  }
  if (image.activeState === 'activating') return say(`Its image is being fetched${image.since === null ? '' : `, ${lasting(image.since, facts.at)}`}: who asks for the app meanwhile waits.`, ...lines);
  // Units that are not loaded tell nothing: fc-sync has not asked for it, or it was there at the last boot.
  return image.activeState === 'failed' ? say(`Its image is not on ${hostName(facts)}.`, ...lines) : null;
}
