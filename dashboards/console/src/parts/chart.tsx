/** ECharts, only the parts that are used; colours follow the theme's CSS variables. */
import { useEffect, useRef } from "react";
import { LineChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { LineSeriesOption, GridComponentOption, TooltipComponentOption } from "echarts";
import { useTheme } from "./theme";
import { clockText, dateTimeText, numberText, zoneOffsetMs } from "./format";

use([LineChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

export interface Line {
  name: string;
  /** [UTC ms, value]; null where there is nothing. */
  points: [number, number | null][];
  strength: "strong" | "weak" | "band";
}

interface ChartProps {
  lines: Line[];
  unit: string;
  fromMs: number;
  toMs: number;
  limit?: { value: number; name: string } | undefined;
  height?: number;
}

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function seriesOf(line: Line, limit: ChartProps["limit"], offsetMs: number, first: boolean): LineSeriesOption {
  const colour = { strong: css("--ink"), weak: css("--faint"), band: css("--line") }[line.strength];
  return {
    type: "line", name: line.name, data: line.points.map(([ms, value]) => [ms + offsetMs, value]), showSymbol: false, animation: false, connectNulls: false,
    lineStyle: { width: line.strength === "strong" ? 1.6 : 1, color: colour, type: line.strength === "weak" ? "dashed" : "solid" },
    itemStyle: { color: colour },
    ...(first && limit
      ? { markLine: {
          symbol: "none", silent: true, animation: false, data: [{ yAxis: limit.value }],
          lineStyle: { color: css("--p2"), type: "solid", width: 1 },
          label: { formatter: `${limit.name} ${numberText(limit.value)}`, position: "insideEndTop", color: css("--ink") },
        } }
      : {}),
  };
}

type Option = Parameters<EChartsType["setOption"]>[0];

function optionOf({ lines, unit, fromMs, toMs, limit }: ChartProps): Option {
  const long = toMs - fromMs > 26 * 3_600_000;
  const offsetMs = zoneOffsetMs(fromMs);
  const grid: GridComponentOption = { left: 56, right: 16, top: 24, bottom: 24 };
  const tooltip: TooltipComponentOption = {
    trigger: "axis", transitionDuration: 0, backgroundColor: css("--surface"), borderColor: css("--line"),
    textStyle: { color: css("--ink"), fontSize: 12 },
    valueFormatter: (value) => (typeof value === "number" ? `${numberText(value)} ${unit}` : "–"),
    axisPointer: { type: "line", label: { formatter: ({ value }) => dateTimeText(Number(value) - offsetMs) } },
  };
  const highest = Math.max(limit?.value ?? -Infinity, ...lines.flatMap((line) => line.points.map(([, value]) => value ?? -Infinity)));
  return {
    grid, tooltip, animation: false, useUTC: true,
    xAxis: {
      type: "time", min: fromMs + offsetMs, max: toMs + offsetMs, axisLine: { lineStyle: { color: css("--line") } }, splitLine: { show: false },
      axisLabel: { color: css("--quiet"), hideOverlap: true, formatter: (ms: number) => (long ? dateTimeText(ms - offsetMs).slice(5) : clockText(ms - offsetMs)) },
    },
    yAxis: {
      type: "value", name: unit, nameTextStyle: { color: css("--quiet") }, scale: true,
      ...(limit ? { min: 0, max: Math.ceil((highest * 1.08) / 10) * 10 } : {}),
      axisLabel: { color: css("--quiet") }, splitLine: { lineStyle: { color: css("--hair") } },
    },
    series: lines.map((line, index) => seriesOf(line, limit, offsetMs, index === 0)),
  };
}

export function Chart(props: ChartProps) {
  const { theme } = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  useEffect(() => {
    if (!box.current) return;
    chart.current = init(box.current);
    const observer = new ResizeObserver(() => chart.current?.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      chart.current?.dispose();
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(optionOf(props), { notMerge: true });
  }, [props, theme]);
  return <div ref={box} style={{ height: props.height ?? 220 }} />;
}
