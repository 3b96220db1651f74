import { useState } from "preact/hooks";
import { millis } from "../format";
import { sendTestEvent, socketURL, type Outcome } from "../probe";

/** Sends one event as any client would and shows what became of it. */
export function TestEvent({ shownKey }: { shownKey(): string }) {
  const [sending, setSending] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const send = async () => {
    if (sending) return;
    setSending(true);
    setOutcome(undefined);
    setOutcome(await sendTestEvent(socketURL(location), shownKey()));
    setSending(false);
  };
  return (
    <section class="card" aria-labelledby="test-title">
      <h2 id="test-title">Try it</h2>
      <p class="note">
        Sends <code>{'{"type":"test","data":{"value":42}}'}</code> through <code>/ws</code>, as any client would.
      </p>
      {/* aria-disabled, not disabled: the button keeps the focus while it works. */}
      <button type="button" id="send-test" onClick={send} aria-disabled={sending}>
        {sending ? "Sending…" : "Send a test event"}
      </button>
      <p id="test-outcome" class="outcome" role="status" data-ok={outcome?.ok}>
        {outcome && describe(outcome)}
      </p>
    </section>
  );
}

function describe(outcome: Outcome): string {
  if (!outcome.ok) return `Not acknowledged: ${outcome.reason}`;
  const { value, unit } = millis(outcome.millis);
  return `Acknowledged in ${value} ${unit}${outcome.durability ? `, ${outcome.durability}` : ""}`;
}
