import type { Diagnosis, Finding, Status } from "./api";
import { duration } from "./format";

/** What the top of the page says: one thing, and how many others there are. */
export interface Verdict {
  status: Status;
  title: string;
  symptom: string;
  remedy: string;
  /** The finding that it is about, if it is about one. */
  finding?: Finding;
  others: Finding[];
}

/**
 * The verdict on a diagnosis. The doctor lists root causes first and ranks the statuses, so the first finding
 * that has the diagnosis' own status is the worst.
 */
export function verdictOf(d: Diagnosis): Verdict {
  const worst = d.findings.find((f) => f.status === d.status && f.skipped_by === "") ?? d.findings[0];
  if (worst) {
    return {
      status: d.status === "ok" ? worst.status : d.status,
      title: worst.title,
      symptom: worst.symptom,
      remedy: worst.remedy,
      finding: worst,
      others: d.findings.filter((f) => f !== worst),
    };
  }
  if (d.status === "ok") {
    return { status: "ok", title: "All is well", symptom: examined(d.rules), remedy: "", others: [] };
  }
  return {
    status: "unknown",
    title: "It is not known how things are",
    symptom: "The diagnosis names no finding.",
    remedy: "",
    others: [],
  };
}

function examined(rules: number): string {
  return rules === 1 ? "One rule was examined; it found nothing." : `${rules} rules were examined; none found anything.`;
}

/** Before the first answer. */
export const asking: Verdict = {
  status: "unknown",
  title: "Asking the gateway",
  symptom: "No answer has come yet.",
  remedy: "",
  others: [],
};

/** The gateway itself does not answer; `seconds` since it last did, or null if it never did. */
export function unreachable(seconds: number | null): Verdict {
  const since = seconds === null ? "It has not answered yet" : `No answer for ${duration(seconds)}`;
  return {
    status: "unknown",
    title: "The gateway cannot be reached",
    symptom: `${since}. The figures below are the last that arrived.`,
    remedy: "See whether it runs: millrace health, or docker compose ps. This page comes back by itself.",
    others: [],
  };
}
