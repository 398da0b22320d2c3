import type { GpuMemory, LedgerSnapshot } from '../../workers/protocol'
import type { Engine, Ledgers, WorkerName } from '../assistant/engine'
import { nextFrame, type Scheduler } from '../chat/live-answer'
import type { AnswerFigures, ClipFigures } from './figures'

/** Tasks that kept the page from answering for more than 50 ms. */
export type LongTasks = { readonly count: number /** Milliseconds. */; readonly longest: number }

/** null where the browser, or a worker, does not tell. */
export type MemoryFigures = {
  readonly open: Readonly<Record<WorkerName, LedgerSnapshot>> | null
  readonly gpu: Readonly<Record<WorkerName, GpuMemory>> | null
  /** Bytes of the page's JavaScript heap; the workers have their own. */
  readonly heap: number | null
  /** Bytes that this app keeps, and that the browser grants it. */
  readonly storage: { readonly usage: number; readonly quota: number } | null
}

/** All that the panel shows and a copy holds. */
export type Figures = {
  readonly engine: Engine['state']
  /** Oldest first. */
  readonly clips: readonly ClipFigures[]
  /** `longTasks` on the page's thread while it was answered; null where the browser does not tell. */
  readonly answers: readonly (AnswerFigures & { readonly longTasks: LongTasks | null })[]
  readonly memory: MemoryFigures
}

export type MonitoredEngine = Pick<Engine, 'state' | 'subscribe' | 'figures' | 'gpuMemory'> & {
  ledgers(): Promise<Ledgers>
}

/** Milliseconds between two looks at memory. */
const memoryInterval = 2000
/** So many long tasks are remembered, the newest. */
const keptTasks = 500

type Task = { readonly start: number; readonly duration: number }
type HeapTeller = Performance & { readonly memory?: { readonly usedJSHeapSize: number } }

/** Gathers the figures while somebody looks at them, and tells of news once a frame. Without a listener it does nothing. */
export class PerformanceMonitor {
  readonly #engine: MonitoredEngine
  readonly #schedule: Scheduler
  readonly #listeners = new Set<() => void>()
  #figures: Figures
  #memory: MemoryFigures = { open: null, gpu: null, heap: null, storage: null }
  #tasks: Task[] = []
  /** Ends all that is going on for the listeners. */
  #stop: (() => void) | undefined
  #cancel: (() => void) | undefined

  constructor(engine: MonitoredEngine, schedule: Scheduler = nextFrame) {
    this.#engine = engine
    this.#schedule = schedule
    this.#figures = this.#gather()
  }

  getSnapshot = (): Figures => this.#figures

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    this.#stop ??= this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  #start(): () => void {
    const changed = () => this.#changed()
    const leaves = [this.#engine.subscribe(changed), this.#engine.figures.subscribe(changed)]
    const observer = tellsLongTasks() ? new PerformanceObserver((list) => this.#addTasks(list.getEntries())) : null
    this.#tasks = []
    // With those from before somebody looked, as far as the browser remembers them.
    observer?.observe({ type: 'longtask', buffered: true })
    let timer: ReturnType<typeof setTimeout> | undefined
    let stopped = false
    const look = async () => {
      // What nobody sees need not be known.
      if (!document.hidden) this.#memory = await measureMemory(this.#engine)
      if (stopped) return
      this.#changed()
      timer = setTimeout(look, memoryInterval)
    }
    void look()
    return () => {
      stopped = true
      clearTimeout(timer)
      observer?.disconnect()
      for (const leave of leaves) leave()
      this.#cancel?.()
      this.#cancel = undefined
    }
  }

  #addTasks(entries: readonly PerformanceEntry[]): void {
    const tasks = entries.map(({ startTime, duration }) => ({ start: startTime, duration }))
    this.#tasks = [...this.#tasks, ...tasks].slice(-keptTasks)
    this.#changed()
  }

  #changed(): void {
    this.#cancel ??= this.#schedule(() => {
      this.#cancel = undefined
      this.#figures = this.#gather()
      for (const listener of this.#listeners) listener()
    })
  }

  #gather(): Figures {
    const { state, figures } = this.#engine
    const answers = figures.answers.map((answer) => ({ ...answer, longTasks: this.#tasksWithin(answer) }))
    return { engine: state, clips: figures.clips, answers, memory: this.#memory }
  }

  #tasksWithin({ from, to }: AnswerFigures): LongTasks | null {
    if (!tellsLongTasks()) return null
    const durations = this.#tasks
      .filter(({ start, duration }) => start < to && start + duration > from)
      .map(({ duration }) => duration)
    return { count: durations.length, longest: Math.max(0, ...durations) }
  }
}

const tellsLongTasks = () =>
  'PerformanceObserver' in globalThis && PerformanceObserver.supportedEntryTypes.includes('longtask')

async function measureMemory(engine: MonitoredEngine): Promise<MemoryFigures> {
  // A worker that dies meanwhile is asked again at the next look.
  const [open, gpu, estimate] = await Promise.all([
    engine.ledgers().catch(() => null),
    engine.gpuMemory().catch(() => null),
    navigator.storage?.estimate?.().catch(() => null),
  ])
  const heap = (performance as HeapTeller).memory?.usedJSHeapSize ?? null
  return { open, gpu, heap, storage: estimate ? { usage: estimate.usage ?? 0, quota: estimate.quota ?? 0 } : null }
}
