/** Bar charts of medians, drawn by ECharts without a page. */
import * as echarts from 'echarts'
import { type Measure, measures } from '../measures'
import type { Spread } from '../statistics'
import { number } from './numbers'
import type { Row } from './rows'

const width = 760
const barHeight = 34

/** One SVG for the rows of one measure: the median of each contender, and its quartiles in words. Throws where there is no row. */
export function chartOf(rows: readonly Row[]): string {
  const [first] = rows
  if (!first) throw new RangeError('no rows, no chart')
  const { title, unit, better }: Measure = measures[first.measure]
  const bars: [string, Spread][] = [
    ['ours', first.spread.ours],
    ...rows.map(({ peerName, spread }) => [peerName, spread.peer] as [string, Spread]),
  ]
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height: 90 + barHeight * bars.length })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
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
            itemStyle: { color: name === 'ours' ? '#2563eb' : '#94a3b8' },
          })),
          label: {
            show: true,
            position: 'right',
            formatter: ({ dataIndex }: { dataIndex: number }) => {
              const spread = bars[dataIndex]?.[1]
              return spread ? `${number(spread.median)} (${spread.quartiles.map(number).join('–')})` : ''
            },
          },
        },
      ],
    })
    return `${chart.renderToSVGString()}\n`
  } finally {
    chart.dispose()
  }
}
