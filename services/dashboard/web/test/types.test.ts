import { expect, test } from "vitest";
import { topTypes } from "../src/types";

test("ten types, most frequent first, and the rest as one", () => {
  const types = Array.from({ length: 12 }, (_, i) => ({ type: `t${i}`, count: i + 1 }));
  const rows = topTypes([...types, { type: "other", count: 100, other: true }]);
  expect(rows.map((r) => r.type)).toEqual(["t11", "t10", "t9", "t8", "t7", "t6", "t5", "t4", "t3", "t2", "all others"]);
  expect(rows.at(-1)).toEqual({ type: "all others", count: 103, other: true });
});

test("a type that is called other is a type", () => {
  expect(topTypes([{ type: "other", count: 1 }])).toEqual([{ type: "other", count: 1 }]);
});
