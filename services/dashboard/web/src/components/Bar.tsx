/** A share (0 to 1) of a line; null: not known, and nothing is drawn. It says nothing a number beside it does not. */
export function Bar({ share }: { share: number | null }) {
  return (
    <svg class="bar" aria-hidden="true" width="100%" height="6">
      <rect class="bar-track" width="100%" height="100%" rx="2" />
      {share !== null && share > 0 && <rect class="bar-fill" width={`${Math.max(share * 100, 1)}%`} height="100%" rx="2" />}
    </svg>
  );
}
