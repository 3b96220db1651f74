// The key that this page shows to the gateway. It lives as long as the tab does, and is never part of the page's URL.

const place = "millrace.key";

/** Where a key is kept: sessionStorage, or what stands in for it. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Keeps one key, "" being none. A browser that refuses to store it keeps it until the page is left. */
export class KeyKeeper {
  private key: string;

  constructor(private readonly shelf: () => Shelf) {
    this.key = this.quietly((s) => s.getItem(place)) ?? "";
  }

  get(): string {
    return this.key;
  }

  keep(key: string): void {
    this.key = key;
    this.quietly((s) => s.setItem(place, key));
  }

  forget(): void {
    this.key = "";
    this.quietly((s) => s.removeItem(place));
  }

  private quietly<T>(use: (shelf: Shelf) => T): T | undefined {
    try {
      return use(this.shelf());
    } catch {
      return undefined; // storage is switched off or full
    }
  }
}

/** Whether a text can be shown as a key at all: a header takes visible ASCII only. */
export function sendable(key: string): boolean {
  return /^[\x21-\x7e]+$/.test(key);
}

/** The headers that show a key to a call. */
export function bearer(key: string): Record<string, string> {
  return key === "" ? {} : { Authorization: `Bearer ${key}` };
}

/** The address that shows a key where no header can be set: an EventSource. The gateway does not log it. */
export function withKey(url: string, key: string): string {
  return key === "" ? url : `${url}?access_token=${encodeURIComponent(key)}`;
}

/** The subprotocols that show a key to a WebSocket; the first is the one that is spoken. */
export function protocols(key: string): string[] {
  return key === "" ? [] : ["millrace.v1.json", `millrace.key.${key}`];
}

/** How the gateway stands to the key: it lets the page in, asks for one, knows this one not, or gives it too little. */
export type Access = "open" | "asked" | "wrong" | "lacking";

/** What a refusal of a call says of the key that it showed, if it says anything. */
export function judgeKey(status: number, key: string): Access | undefined {
  if (status === 401) return key === "" ? "asked" : "wrong";
  if (status === 403 && key !== "") return "lacking";
  return undefined;
}
