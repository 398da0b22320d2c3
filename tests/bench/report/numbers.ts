/** A figure as people read it: three significant digits, no exponent. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '∞'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 4))
}
