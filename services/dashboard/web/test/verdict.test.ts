import { expect, test } from "vitest";
import type { Diagnosis, Finding, Status } from "../src/api";
import { unreachable, verdictOf } from "../src/verdict";

function finding(id: string, status: Status, skipped_by = ""): Finding {
  return {
    id,
    status,
    skipped_by,
    subject: "",
    title: `title of ${id}`,
    symptom: `symptom of ${id}`,
    loss: "",
    cause: "",
    evidence: [],
    ruled_out: [],
    remedy: `remedy of ${id}`,
    link: "",
    since: null,
  };
}

function diagnosis(status: Status, ...findings: Finding[]): Diagnosis {
  return { time: null, status, rules: 5, findings };
}

test("nothing found: all is well, and how much was looked at", () => {
  expect(verdictOf(diagnosis("ok"))).toMatchObject({ status: "ok", title: "All is well", others: [] });
  expect(verdictOf(diagnosis("ok")).symptom).toContain("5 rules");
});

test("the worst finding comes first, the others are counted", () => {
  const v = verdictOf(diagnosis("crit", finding("A", "warn"), finding("B", "crit"), finding("C", "crit")));
  expect(v).toMatchObject({ status: "crit", title: "title of B", symptom: "symptom of B", remedy: "remedy of B" });
  expect(v.others.map((f) => f.id)).toEqual(["A", "C"]);
});

test("what was skipped because of another is not the headline", () => {
  const v = verdictOf(diagnosis("unknown", finding("A", "unknown", "B"), finding("B", "unknown")));
  expect(v.title).toBe("title of B");
});

test("findings are shown even if the status denies them", () => {
  expect(verdictOf(diagnosis("ok", finding("A", "warn")))).toMatchObject({ status: "warn", title: "title of A" });
});

test("unknown without a finding is not well", () => {
  expect(verdictOf(diagnosis("unknown")).status).toBe("unknown");
});

test("a gateway that is away is said to be, and since when", () => {
  expect(unreachable(65)).toMatchObject({ status: "unknown", title: "The gateway cannot be reached" });
  expect(unreachable(65).symptom).toContain("1 min 5 s");
  expect(unreachable(null).symptom).toContain("not answered yet");
});
