import { expect, test } from "vitest";
import { bearer, judgeKey, KeyKeeper, protocols, sendable, withKey, type Shelf } from "../src/key";

function shelf(): Shelf & { all: Map<string, string> } {
  const all = new Map<string, string>();
  return {
    all,
    getItem: (k) => all.get(k) ?? null,
    setItem: (k, v) => void all.set(k, v),
    removeItem: (k) => void all.delete(k),
  };
}

test("a key outlives a reload of the page, until it is forgotten", () => {
  const s = shelf();
  new KeyKeeper(() => s).keep("mr_a_b");
  const again = new KeyKeeper(() => s);
  expect(again.get()).toBe("mr_a_b");
  again.forget();
  expect(again.get()).toBe("");
  expect(new KeyKeeper(() => s).get()).toBe("");
  expect(s.all.size).toBe(0);
});

test("a browser that stores nothing keeps it as long as the page", () => {
  const keeper = new KeyKeeper(() => {
    throw new Error("denied");
  });
  expect(keeper.get()).toBe("");
  keeper.keep("mr_a_b");
  expect(keeper.get()).toBe("mr_a_b");
});

test("it is shown in whatever way a call can, and not at all if there is none", () => {
  expect(bearer("k")).toEqual({ Authorization: "Bearer k" });
  expect(bearer("")).toEqual({});
  expect(withKey("/api/stats/stream", "a&b")).toBe("/api/stats/stream?access_token=a%26b");
  expect(withKey("/api/stats/stream", "")).toBe("/api/stats/stream");
  expect(protocols("k")).toEqual(["millrace.v1.json", "millrace.key.k"]);
  expect(protocols("")).toEqual([]);
});

test("what no header takes is no key", () => {
  for (const key of ["", "a b", "a\n", "ü", "\x01"]) expect(sendable(key)).toBe(false);
  expect(sendable("mr_abc_DEF")).toBe(true);
});

test("a refusal tells whether a key is missing, wrong or too little", () => {
  expect(judgeKey(401, "")).toBe("asked");
  expect(judgeKey(401, "k")).toBe("wrong");
  expect(judgeKey(403, "k")).toBe("lacking");
  for (const [status, key] of [[403, ""], [200, "k"], [503, "k"]] as const) expect(judgeKey(status, key)).toBeUndefined();
});
