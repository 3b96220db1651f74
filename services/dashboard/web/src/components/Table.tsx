import type { ComponentChildren } from "preact";

/** One column: its heading, and what stands in it. */
export interface Column<R> {
  name: string;
  /** Numbers stand to the right. */
  number?: boolean;
  cell(row: R): ComponentChildren;
}

interface Props<R> {
  labelledBy: string;
  columns: Column<R>[];
  rows: R[];
  id(row: R): string;
  empty: string;
}

/**
 * A table that becomes a list of cards where there is no room for it. The roles are there because a table that
 * is not displayed as one loses them; the first column heads its row.
 */
export function Table<R>({ labelledBy, columns, rows, id, empty }: Props<R>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <table role="table" class="rows" aria-labelledby={labelledBy}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((c) => (
            <th key={c.name} role="columnheader" scope="col" class={c.number ? "number" : ""}>
              {c.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={id(row)} role="row">
            {columns.map((c, i) => (
              <Cell key={c.name} column={c} row={row} heads={i === 0} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<R>({ column: c, row, heads }: { column: Column<R>; row: R; heads: boolean }) {
  const kind = c.number ? "number" : "";
  if (heads) {
    return (
      <th role="rowheader" scope="row" class={kind}>
        {c.cell(row)}
      </th>
    );
  }
  return (
    <td role="cell" class={kind} data-name={c.name}>
      {c.cell(row)}
    </td>
  );
}
