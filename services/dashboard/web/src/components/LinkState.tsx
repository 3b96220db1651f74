import { duration } from "../format";
import type { Link } from "../source";
import { staleAfter } from "./age";

interface Props {
  link: Link;
  age: number | null;
  now: number;
  reconnect(): void;
}

/** Says whether the figures are live, how old they are if not, and when the page tries again. */
export function LinkState({ link, age, now, reconnect }: Props) {
  const old = isOld(age);
  return (
    <div class="link">
      <p class="link-state" data-state={link.state === "live" && (old || age === null) ? "old" : link.state}>
        <span class="dot" aria-hidden="true" />
        {/* The countdown is for the eye; a screen reader hears only the change of state. */}
        <span role="status">{says(link, age)}</span>
        <span class="link-detail">{detail(link, age, now)}</span>
      </p>
      {link.state === "waiting" && (
        <button type="button" class="quiet" onClick={reconnect}>
          Reconnect now
        </button>
      )}
    </div>
  );
}

function isOld(age: number | null): boolean {
  return age !== null && age > staleAfter;
}

function says(link: Link, age: number | null): string {
  if (link.state === "waiting") return "Connection lost";
  if (link.state === "connecting") return link.failures > 0 ? "Reconnecting" : "Connecting";
  if (age === null) return "Connected";
  return isOld(age) ? "Old figures" : "Live";
}

function detail(link: Link, age: number | null, now: number): string {
  if (link.state === "waiting") {
    return `reconnecting in ${Math.max(0, Math.ceil((link.retryAt - now) / 1000))} s`;
  }
  if (link.state === "live" && age === null) return "no figures yet";
  return isOld(age) ? `read ${duration(age)} ago` : "";
}
