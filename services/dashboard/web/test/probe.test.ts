import { expect, test } from "vitest";
import { closed, judge, socketURL } from "../src/probe";

const sent = { seq: 3, durability: "fsynced", sent: 100 };

test("the socket is on the page's host, secure if the page is", () => {
  expect(socketURL({ protocol: "http:", host: "localhost:8000" })).toBe("ws://localhost:8000/ws");
  expect(socketURL({ protocol: "https:", host: "example.org" })).toBe("wss://example.org/ws");
});

test("an acknowledgement covers every number up to its own", () => {
  expect(judge({ type: "ack", seq: 2 }, sent, 107)).toBeUndefined();
  expect(judge({ type: "ack", seq: 3 }, sent, 107)).toEqual({ ok: true, seq: 3, millis: 7, durability: "fsynced" });
  expect(judge({ type: "ack", seq: 9 }, sent, 107)).toMatchObject({ ok: true });
});

test("an error about the event, or about its frame, ends it", () => {
  expect(judge({ type: "error", seq: 3, code: "paused", message: "intake is paused" }, sent, 0)).toEqual({
    ok: false,
    reason: "paused: intake is paused",
  });
  expect(judge({ type: "error", code: "unavailable", message: "no Redis" }, sent, 0)).toMatchObject({ ok: false });
  expect(judge({ type: "error", seq: 2, code: "invalid_event", message: "" }, sent, 0)).toBeUndefined();
});

test("a ping says nothing about it", () => expect(judge({ type: "ping" }, sent, 0)).toBeUndefined());

test("a connection that ends says why, as far as a browser knows", () => {
  expect(closed({ code: 1012, reason: "going away" }, true, false)).toBe("the gateway closed the connection: going away (1012)");
  expect(closed({ code: 1006, reason: "" }, true, false)).toBe("the connection was closed (1006)");
  expect(closed({ code: 1006, reason: "" }, false, false)).toBe("no connection to /ws; the gateway takes none while Redis is away");
  expect(closed({ code: 1006, reason: "" }, false, true)).toContain("lacks the scope publish");
});
