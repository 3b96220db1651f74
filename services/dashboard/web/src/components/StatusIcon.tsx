import type { Status } from "../api";

/** A status in a word, for those who do not see its colour. */
export const statusWords: Record<Status, string> = {
  ok: "OK",
  warn: "Warning",
  crit: "Critical",
  unknown: "Not known",
};

// Each status has a shape of its own, not only a colour.
const shapes: Record<Status, string> = {
  ok: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.3 14.3-4.2-4.2 1.6-1.6 2.6 2.6 5.3-5.3 1.6 1.6Z",
  warn: "M12 2.5 23 21.5H1Zm-1.2 7v6h2.4v-6Zm0 7.4v2.3h2.4v-2.3Z",
  crit: "M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9Zm2.9 4.5v7h2.4v-7Zm0 8.6v2.4h2.4v-2.4Z",
  unknown:
    "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.2 13.6h2.4V18h-2.4ZM12 5.8c2.2 0 3.8 1.4 3.8 3.4 0 1.5-.8 2.3-1.6 3-.7.5-1 .8-1 1.5v.6h-2.4v-.8c0-1.7 1-2.5 1.8-3.1.6-.5.9-.7.9-1.2 0-.7-.6-1.2-1.5-1.2s-1.6.5-1.7 1.4l-2.3-.3C8.3 7.2 9.9 5.8 12 5.8Z",
};

/** The shape and colour of a status; the word for it stands beside it. */
export function StatusIcon({ status }: { status: Status }) {
  return (
    <svg class="status-icon" data-status={status} viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[status]} fill-rule="evenodd" />
    </svg>
  );
}
