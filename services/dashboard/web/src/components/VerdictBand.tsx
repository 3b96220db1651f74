import type { Finding } from "../api";
import type { State } from "../store";
import { asking, unreachable, verdictOf, type Verdict } from "../verdict";
import { StatusIcon, statusWords } from "./StatusIcon";

/** The gateway counts as gone after this many calls without an answer. */
const failuresUntilGone = 2;

/** What a person should know first: all is well, or the worst finding and what to do about it. */
export function VerdictBand({ state, now }: { state: State; now: number }) {
  const v = verdict(state, now);
  return (
    <section class="verdict" data-status={v.status} aria-labelledby="verdict-title">
      <StatusIcon status={v.status} />
      <div class="verdict-text">
        {/* Only what changes rarely is announced: the symptom's number changes all the time. */}
        <h2 id="verdict-title" aria-live="polite" aria-atomic="true">
          <span class="visually-hidden">{statusWords[v.status]}: </span>
          {v.title}
        </h2>
        <p>{v.symptom}</p>
        {v.remedy && (
          <p class="remedy">
            <b>What to do</b> {v.remedy}
          </p>
        )}
        {(v.finding || v.others.length > 0) && <More verdict={v} />}
      </div>
    </section>
  );
}

function verdict(state: State, now: number): Verdict {
  if (state.diagnosisFailures >= failuresUntilGone) {
    return unreachable(state.diagnosedAt === null ? null : (now - state.diagnosedAt) / 1000);
  }
  return state.diagnosis ? verdictOf(state.diagnosis) : asking;
}

function More({ verdict: v }: { verdict: Verdict }) {
  const n = v.others.length;
  const label = n === 0 ? "Why" : n === 1 ? "Why, and 1 other finding" : `Why, and ${n} other findings`;
  return (
    <details>
      <summary>{label}</summary>
      {v.finding && <Evidence finding={v.finding} />}
      {n > 0 && (
        <ul class="others">
          {v.others.map((f) => (
            <li key={f.id + f.subject}>
              <StatusIcon status={f.status} /> <b>{f.title || f.id}</b> {f.symptom}
              {f.skipped_by && <> Not examined because of {f.skipped_by}.</>} <code>{f.id}</code>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

function Evidence({ finding: f }: { finding: Finding }) {
  return (
    <>
      {f.cause && <p>{f.cause}</p>}
      <dl class="evidence">
        {f.evidence.map((e) => (
          <div key={e.name}>
            <dt>{e.name}</dt>
            <dd>{e.value}</dd>
          </div>
        ))}
        {f.loss && (
          <div>
            <dt>effect on the data</dt>
            <dd>{f.loss}</dd>
          </div>
        )}
        {f.ruled_out.map((r) => (
          <div key={r.id}>
            <dt>not {r.id}</dt>
            <dd>{r.reason}</dd>
          </div>
        ))}
        <div>
          <dt>finding</dt>
          <dd>
            <code>{f.id}</code>
          </dd>
        </div>
      </dl>
    </>
  );
}
