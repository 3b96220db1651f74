import { useEffect, useRef } from "preact/hooks";
import type { Access } from "../key";

const complaints: Record<Access, string> = {
  open: "",
  asked: "",
  wrong: "The gateway does not know this key: it is wrong, or it was revoked.",
  lacking: "This key is valid and lacks the scope read.",
};

/** Asks for a key, in place of the figures. */
export function KeyForm({ access, use }: { access: Access; use(key: string): void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (e: Event) => {
    e.preventDefault();
    use(field.current!.value.trim());
    field.current!.value = "";
    field.current!.focus();
  };
  return (
    <section class="card key-form" aria-labelledby="key-title">
      <h2 id="key-title">This gateway asks for a key</h2>
      <p class="note" id="key-note">
        One with the scope read: <code>millrace keys create page --scope read</code> makes it. It is kept until this tab is closed.
      </p>
      <form onSubmit={submit}>
        <label for="key">Key</label>
        {/* Without a name it can't become part of a URL. */}
        <input
          id="key"
          ref={field}
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="key-note key-outcome"
          aria-invalid={access === "wrong" || access === "lacking"}
        />
        <button type="submit">Show the figures</button>
      </form>
      <p id="key-outcome" class="outcome" role="alert">
        {complaints[access]}
      </p>
    </section>
  );
}
