/** What was predicted, item by item, in a file of JSON lines: an interrupted run goes on where it stopped. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export class Predictions<Row extends { readonly id: string }> {
  readonly #rows = new Map<string, Row>()

  private constructor(readonly path: string) {}

  /**
   * @param settings  all that the predictions depend on; the first line holds it
   * @throws Error where the file was written under other settings
   */
  static open<Row extends { readonly id: string }>(path: string, settings: object, fresh: boolean): Predictions<Row> {
    const predictions = new Predictions<Row>(path)
    const head = JSON.stringify({ settings })
    if (fresh) rmSync(path, { force: true })
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `${head}\n`)
      return predictions
    }
    const text = readFileSync(path, 'utf8')
    // A line that a crash cut off has no line break yet: it is taken back.
    const lines = text.split('\n').slice(0, -1)
    if (lines[0] !== head) {
      throw new Error(
        `${path} holds predictions made under other settings (${lines[0]}): --fresh starts anew, --out names another file`,
      )
    }
    if (!text.endsWith('\n')) writeFileSync(path, `${lines.join('\n')}\n`)
    for (const line of lines.slice(1)) {
      const row = JSON.parse(line) as Row
      predictions.#rows.set(row.id, row)
    }
    return predictions
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id)
  }

  add(row: Row): void {
    appendFileSync(this.path, `${JSON.stringify(row)}\n`)
    this.#rows.set(row.id, row)
  }
}
