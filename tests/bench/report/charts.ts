/** Charts of medians, drawn by ECharts without a page. */
import * as echarts from 'echarts'
import { type Measure, measures } from '../measures'
import type { Spread } from '../statistics'
import type { GrowthTable } from './growth-table'
import { number } from './numbers'
import type { Row } from './rows'

const width = 760
const barHeight = 34
const colors = { ours: '#2563eb', others: '#94a3b8' } as const

function drawn(height: number, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option })
    return `${chart.renderToSVGString()}\n`
  } finally {
    chart.dispose()
  }
}

/** One SVG for the rows of one measure: the median of each contender, and its quartiles in words. Throws where there is no row. */
export function chartOf(rows: readonly Row[]): string {
  const [first] = rows
  if (!first) throw new RangeError('no rows, no chart')
  const { title, unit, better }: Measure = measures[first.measure]
  const bars: [string, Spread][] = [
    ['ours', first.spread.ours],
    ...rows.map(({ peerName, spread }) => [peerName, spread.peer] as [string, Spread]),
  ]
  return drawn(90 + barHeight * bars.length, {
    title: { text: title, subtext: `${unit}, ${better} is better`, textStyle: { fontSize: 15 } },
    grid: { left: 130, right: 150, top: 60, bottom: 12 },
    xAxis: { type: 'value', min: 0, axisLabel: { show: false }, splitLine: { show: false } },
    yAxis: { type: 'category', inverse: true, data: bars.map(([name]) => name), axisTick: { show: false } },
    series: [
      {
        type: 'bar',
        barWidth: '60%',
        data: bars.map(([name, { median }]) => ({
          value: median,
          itemStyle: { color: name === 'ours' ? colors.ours : colors.others },
        })),
        label: {
          show: true,
          position: 'right',
          formatter: ({ dataIndex }) => {
            const spread = bars[dataIndex]?.[1]
            return spread ? `${number(spread.median)} (${spread.quartiles.map(number).join('–')})` : ''
          },
        },
      },
    ],
  })
}

/** One SVG for a table of growth: what was measured, and what theory says, over the variable; both axes logarithmic. */
export function growthChart({ variable, columns, points }: GrowthTable): string {
  const line = (name: string, value: (cell: { ours: number; theory: number }) => number, at: number) => ({
    type: 'line' as const,
    name,
    data: points.flatMap(({ at: x, cells }) => {
      const cell = cells[at]
      return cell ? [[x, value(cell)]] : []
    }),
  })
  return drawn(320, {
    title: { text: `Growth with ${variable}`, subtext: 'ms', textStyle: { fontSize: 15 } },
    legend: { top: 8, right: 12 },
    grid: { left: 60, right: 30, top: 70, bottom: 40 },
    xAxis: { type: 'log', name: variable, nameLocation: 'middle', nameGap: 24 },
    yAxis: { type: 'log' },
    series: columns.flatMap((title, at) => [
      { ...line(title, ({ ours }) => ours, at), lineStyle: { width: 2 } },
      { ...line(`${title}, theory`, ({ theory }) => theory, at), lineStyle: { width: 1, type: 'dashed' as const } },
    ]),
  })
}
