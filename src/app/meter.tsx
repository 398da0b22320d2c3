import './meter.css'

type Props = {
  readonly label: string
  /** 0 to 1. */
  readonly share: number
}

/** A progress bar; the numbers stand beside it, in words. */
export function Meter({ label, share }: Props) {
  return <progress className="meter" aria-label={label} max={1} value={Math.min(1, Math.max(0, share))} />
}
