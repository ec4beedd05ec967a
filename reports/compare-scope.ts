/**
 * What one of two compared runs tried less than the other: where it did not look, that nothing new was found there
 * means nothing.
 */
import { planUnknown, type Run } from './run.ts';
import { plural } from './text.ts';

export interface Gap {
  /** The run that tried less. */
  side: 'before' | 'after';
  kind:
    | 'ended-early'
    | 'lost-cases'
    | 'damaged'
    | 'plan-unknown'
    | 'nothing-judged'
    | 'judged-in-part'
    | 'channel'
    | 'fewer-cases'
    | 'places'
    | 'other-cases'
    | 'other-kind';
  /** One sentence for people, without a full stop. */
  text: string;
  /** Without new findings there is no verdict: what was not looked at can hide some. */
  noVerdict: boolean;
}

/** As many cases as fit into a time are never as many again: so much of the other run's number counts as equal. */
const ALIKE = 0.9;

const names = { before: 'the earlier run', after: 'the last run' } as const;

/** The most important first. */
export function gapsBetween(before: Run, after: Run): Gap[] {
  return [
    ...ofOneRun('after', after),
    ...ofOneRun('before', before),
    ...otherKind(before, after),
    ...missingChannels(before, after),
    ...fewerCases(before, after),
    ...missingPlaces(before, after),
    ...otherCases(before, after),
  ];
}

/** The run tried so much less that what it does not show may be there all the same. */
export const triedLess = (run: Run, other: Run): boolean => {
  const [one, two] = [judgedCount(run), judgedCount(other)];
  return one < (isTimed(run) && isTimed(other) ? ALIKE * two : two);
};

function ofOneRun(side: Gap['side'], run: Run): Gap[] {
  const { summary, counts, damage } = run;
  const gap = (kind: Gap['kind'], says: string, noVerdict = true): Gap => ({
    side,
    kind,
    text: `${names[side]} ${says}`,
    noVerdict,
  });
  const ended = summary.endedBy ?? 'it was killed, or it is still running';
  const { planned } = summary;
  const finished =
    planned === undefined
      ? plural(run.cases.length, 'case')
      : `${shown(run.cases.length)} of ${plural(planned, 'planned case')}`;
  const effect = side === 'before' ? 'what is new may have been there before' : 'what it does not show may be there';
  return [
    ...(summary.complete ? [] : [gap('ended-early', `ended early (${ended}) after ${finished}: ${effect}`)]),
    ...(counts.lost > 0
      ? [
          gap(
            'lost-cases',
            `lost ${plural(counts.lost, 'case')}, which ${counts.lost === 1 ? 'was' : 'were'} not judged: ${effect}`,
          ),
        ]
      : []),
    ...(damage.length > 0 && summary.complete ? [gap('damaged', `is damaged (${damage[0]!}): ${effect}`)] : []),
    ...(planUnknown(run)
      ? [gap('plan-unknown', 'does not say how many cases were planned, so that some may be missing', side === 'after')]
      : []),
    ...(judgedCount(run) === 0 ? [gap('nothing-judged', 'judged nothing: there is nothing to compare with')] : []),
    // What was found before and not looked for again is told with the findings.
    ...run.unjudged.map(({ reason, cases }) =>
      gap('judged-in-part', `did not judge ${plural(cases.length, 'case')} whole, because ${reason}: ${effect}`, false),
    ),
  ];
}

/** Channels by which one of the runs judged nothing, because its kernel lacks them, and the other did. */
function missingChannels(before: Run, after: Run): Gap[] {
  return (
    [
      ['after', after, before],
      ['before', before, after],
    ] as const
  ).flatMap(([side, run, other]): Gap[] =>
    (run.summary.unjudged ?? [])
      .filter(({ aspect }) => !other.summary.unjudged?.some((one) => one.aspect === aspect))
      .map(({ aspect, reason }) => ({
        side,
        kind: 'channel',
        noVerdict: side === 'after',
        text: `${names[side]} could not judge by ${aspect} (${reason}), and ${names[side === 'after' ? 'before' : 'after']} could: ${side === 'after' ? 'what it does not show may be there' : 'what is new by it may have been there before'}`,
      })),
  );
}

function otherKind(before: Run, after: Run): Gap[] {
  if (before.summary.kind === after.summary.kind) return [];
  return [
    {
      side: 'after',
      kind: 'other-kind',
      noVerdict: true,
      text: `a run of the kind '${before.summary.kind}' is compared with one of the kind '${after.summary.kind}': they try different cases`,
    },
  ];
}

function fewerCases(before: Run, after: Run): Gap[] {
  const counts = { before: judgedCount(before), after: judgedCount(after) };
  if (counts.before === counts.after) return [];
  const side = counts.before < counts.after ? 'before' : 'after';
  const other = side === 'before' ? 'after' : 'before';
  const noVerdict = side === 'after' && triedLess(after, before);
  const effect =
    side === 'before'
      ? 'what is new may have been there before, undrawn'
      : 'what it does not show may be there, undrawn';
  return [
    {
      side,
      kind: 'fewer-cases',
      noVerdict,
      text: `${names[side]} judged fewer cases (${shown(counts[side])}, ${names[other]} ${shown(counts[other])})${noVerdict || side === 'before' ? `: ${effect}` : ', about as many as the other in its time'}`,
    },
  ];
}

/**
 * Campaigns store where a rule had to refuse something. Two with the same seed draw alike; with another seed some
 * places are always missing.
 */
function missingPlaces(before: Run, after: Run): Gap[] {
  const [old, now] = [before.summary.covered, after.summary.covered];
  if (!old || !now) return [];
  return (
    [
      ['after', old, now],
      ['before', now, old],
    ] as const
  ).flatMap(([side, there, here]): Gap[] => {
    const missing = Object.keys(there).filter((place) => (there[place] ?? 0) > 0 && (here[place] ?? 0) === 0);
    if (missing.length === 0) return [];
    const places = `${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}`;
    return [
      {
        side,
        kind: 'places',
        noVerdict: side === 'after' && before.summary.seed === after.summary.seed,
        text: `${names[side]} drew nothing that a rule must refuse in ${plural(missing.length, 'place')} where the other did: ${places}`,
      },
    ];
  });
}

/** A plan asks about each cell whatever its seed is; a campaign asks what it draws. */
function otherCases(before: Run, after: Run): Gap[] {
  const isCampaign = before.summary.kind === 'fuzz' && after.summary.kind === 'fuzz';
  if (!isCampaign || before.summary.seed === after.summary.seed) return [];
  return [
    {
      side: 'after',
      kind: 'other-cases',
      noVerdict: false,
      text:
        `the campaigns drew other cases (seed ${before.summary.seed} before, ${after.summary.seed} now): what is gone may not have been drawn, and what is new may have been there;` +
        ` give --seed ${before.summary.seed} to try the same again`,
    },
  ];
}

const shown = (count: number): string => count.toLocaleString('en');

const judgedCount = ({ counts }: Run): number => counts.conforms + counts.deviates + counts.unspecified;

/** A campaign that names no number ends by its time. */
const isTimed = ({ summary: { kind, argv } }: Run): boolean =>
  argv.some((word) => /^--time(=|$)/.test(word)) ||
  (kind === 'fuzz' && !argv.some((word) => /^--runs(=|$)/.test(word)));
