/**
 * Lets the event loop run once. Messages that arrived during a blocking step (an abort, above all) are delivered before
 * it resolves; setTimeout would do the same but is clamped to 4 ms after a few turns.
 */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
