/** vitest prints failures with Map.groupBy, which Node 20 lacks: without this a failing test shows no message. */
type GroupBy = <K, T>(items: Iterable<T>, key: (item: T, index: number) => K) => Map<K, T[]>
const withGroupBy = Map as MapConstructor & { groupBy?: GroupBy }

withGroupBy.groupBy ??= (items, key) => {
  const groups = new Map()
  let index = 0
  for (const item of items) {
    const name = key(item, index++)
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  return groups
}
