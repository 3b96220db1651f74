import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { rate } from "../format";
import { span, type Point } from "../history";

/** The rates of the last two minutes as two lines. It follows the size of its place and the colours of the page. */
export function RateChart({ history, label }: { history: readonly Point[]; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const points = useRef(history);
  points.current = history;
  const theme = useTheme();
  const [readout, setReadout] = useState("");

  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(options(element, setReadout), data(points.current), element);
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [theme]);

  useEffect(() => chart.current?.setData(data(history)), [history]);

  return (
    <div class="chart">
      <div ref={place} class="plot" role="img" aria-label={label} />
      <p class="readout" aria-hidden="true">
        {readout || (history.length === 0 ? "No reading yet" : "Last 2 minutes, rates over 5 s")}
      </p>
    </div>
  );
}

// A scale that stands still is easier to read than clock times that wander through.
const marks = [-span, -90, -60, -30, 0];

function ago(mark: number): string {
  return mark === 0 ? "now" : mark === -span ? "−2 min" : `−${-mark} s`;
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: element.clientWidth, height: element.clientHeight };
}

function data(history: readonly Point[]): uPlot.AlignedData {
  return [history.map((p) => p.at), history.map((p) => p.in), history.map((p) => p.out)];
}

function options(element: HTMLElement, readout: (text: string) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour("--muted"),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(element),
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
    scales: {
      x: { range: (_, __, newest) => (newest > 0 ? [newest - span, newest] : [0, span]) },
      y: { range: (_, __, highest) => [0, Math.max(10, highest * 1.12)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 30, gap: 8, splits: (u) => marks.map((m) => (u.scales.x?.max ?? 0) + m), values: () => marks.map(ago) },
      { ...axis, size: 56, gap: 8, space: 44, values: (_, rates) => rates.map((r) => rate(r)) },
    ],
    series: [
      {},
      { label: "In", stroke: colour("--in"), fill: colour("--in-fill"), width: 2, points: { show: false } },
      { label: "Out", stroke: colour("--out"), width: 1.5, dash: [5, 3], points: { show: false } },
    ],
    hooks: { setCursor: [(u) => readout(at(u, u.cursor.idx))] },
  };
}

function at(u: uPlot, index: number | null | undefined): string {
  const time = index == null ? undefined : u.data[0][index];
  if (index == null || time === undefined) return "";
  return `${clock(time)}   in ${rate(u.data[1]?.[index] ?? null)}/s   out ${rate(u.data[2]?.[index] ?? null)}/s`;
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

/** Changes when the page turns light or dark. */
function useTheme(): boolean {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = (e: MediaQueryListEvent) => setDark(e.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return dark;
}
